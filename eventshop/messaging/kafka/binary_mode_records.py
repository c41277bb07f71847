"""Event records as they were written before the structured mode: CloudEvents in binary mode, with 13 headers.

They stay on the topic for ever, so they are read and compared for ever; nothing writes them any more. The value is the
payload in Avro. The stream version, the position and the ids that relate events have headers of their own; everything
else is one JSON header, `stored`. The last event of a command also carries fields of the command's receipt.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

import msgspec
from msgspec import Struct

from eventshop.core.errors import BrokenStream
from eventshop.eventstore.command_receipts import ReceiptRow
from eventshop.eventstore.records import EventRow
from eventshop.messaging.serialization import avro_codec
from eventshop.messaging.serialization.cloud_event_layout import CloudEvent, Command

_CONSTANT_HEADERS: Final = [
    ("ce_specversion", b"1.0"),
    ("ce_source", b"/eventshop/event-store"),
    ("content-type", b"application/avro"),
]


class _CommandHeader(Struct, frozen=True, forbid_unknown_fields=True):
    """The fields of a command's receipt that the command's last event lacks."""

    type: str
    hash: bytes
    events: int


class _StoredHeader(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """The header `stored`: fields that only EventShop needs. Bytes are in base64."""

    aggregate_type: str
    schema_version: int
    recorded_at: datetime
    command_id: UUID
    actor: str
    hash: bytes
    metadata: str | None = None
    command: _CommandHeader | None = None


_encode_json: Final = msgspec.json.Encoder().encode
_decode_stored_header: Final = msgspec.json.Decoder(_StoredHeader).decode


def encode_headers(row: EventRow, partition_sequence: int, receipt: ReceiptRow | None) -> list[tuple[str, bytes]]:
    """The headers that an event had: to compare records with the event table."""
    command = None
    if receipt is not None and receipt.position == row.position:
        command = _CommandHeader(receipt.command_type, bytes(receipt.payload_hash), receipt.events)
    stored = _StoredHeader(
        row.aggregate_type,
        row.schema_version,
        row.recorded_at,
        row.command_id,
        row.actor,
        row.hash,
        None if row.metadata == "{}" else row.metadata,
        command,
    )
    headers = [
        ("partition-sequence", b"%d" % partition_sequence),
        ("position", b"%d" % row.position),
        *_CONSTANT_HEADERS,
        ("ce_id", _encode_id(row.event_id)),
        ("ce_type", row.event_type.encode()),
        ("ce_subject", _encode_id(row.aggregate_id)),
        ("ce_time", _encode_time(row.occurred_at)),
        ("version", b"%d" % row.version),
        ("correlation-id", _encode_id(row.correlation_id)),
        ("sequence", b"%d" % row.sequence_number),
        ("stored", _encode_json(stored)),
    ]
    if row.causation_id is not None:
        headers.append(("causation-id", _encode_id(row.causation_id)))
    if row.saga_id is not None:
        headers.append(("saga-id", _encode_id(row.saga_id)))
    return headers


def decode_binary_mode(value: bytes, headers: Sequence[tuple[str, bytes]]) -> CloudEvent:
    """Decode an event; raises `BrokenStream` for a record that the relay did not write."""
    values = dict(headers)
    try:
        stored = _decode_stored_header(values["stored"])
        row = EventRow(
            _decode_id(values["ce_id"]),
            _decode_id(values["ce_subject"]),
            stored.aggregate_type,
            values["ce_type"].decode(),
            int(values["version"]),
            stored.schema_version,
            datetime.fromisoformat(values["ce_time"].decode()),
            stored.recorded_at,
            _decode_id(values["correlation-id"]),
            _decode_id(values["causation-id"]) if "causation-id" in values else None,
            _decode_id(values["saga-id"]) if "saga-id" in values else None,
            int(values["sequence"]),
            stored.command_id,
            stored.actor,
            stored.metadata or "{}",
            avro_codec.decode_payload(value),
            stored.hash,
            int(values["position"]),
        )
        receipt = stored.command
        return CloudEvent(row, Command(receipt.type, receipt.hash, receipt.events) if receipt else None)
    except KeyError as error:
        raise BrokenStream(f"not an event record: the header {error} is missing") from error
    except (ValueError, AttributeError, TypeError, msgspec.DecodeError) as error:
        raise BrokenStream(f"not an event record: {error}") from error


def _encode_id(identity: UUID) -> bytes:
    return _encode_json(identity)[1:-1]


def _encode_time(moment: datetime) -> bytes:
    return moment.astimezone(UTC).isoformat(timespec="microseconds").encode()


def _decode_id(text: bytes) -> UUID:
    return msgspec.convert(text.decode(), UUID)
