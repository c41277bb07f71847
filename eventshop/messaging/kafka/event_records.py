"""An event as a Kafka record: its key and partition, CloudEvents headers in binary mode, the payload in Avro.

Source: CloudEvents 1.0 Kafka protocol binding (attributes as `ce_` headers). Beside them stands what tells where an
event belongs, each in a header of its own; what else is needed to restore the row is one header, `stored`, as JSON:
kafka-python goes through the headers one by one, four times when it sends and twice when it reads. The last event of
a command carries what the command's receipt knows more than the event, so that a restored store answers it again.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple, TypeAlias
from uuid import UUID
from zlib import crc32

import msgspec
from msgspec import Struct

from eventshop.core.errors import BrokenStream
from eventshop.eventstore.records import ReceiptRow, Row
from eventshop.messaging.serialization import avro_codec

#: Partitions of `event-store`. Never changed: an aggregate must stay where its first event lies.
PARTITIONS: Final = 12

Headers: TypeAlias = Sequence[tuple[str, bytes]]

_FIXED: Final = [
    ("ce_specversion", b"1.0"),
    ("ce_source", b"/eventshop/event-store"),
    ("content-type", b"application/avro"),
]


class _Command(Struct, frozen=True, forbid_unknown_fields=True):
    """What a receipt knows more than its command's last event."""

    type: str
    hash: bytes
    events: int


class _Stored(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """The header `stored`: what no reader but ours has a use for. Bytes are in base64."""

    aggregate_type: str
    schema_version: int
    recorded_at: datetime
    command_id: UUID
    actor: str
    hash: bytes
    metadata: str | None = None
    command: _Command | None = None


_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder(_Stored).decode


class KafkaRecord(NamedTuple):
    """What is sent for one event."""

    partition: int
    key: bytes
    value: bytes
    headers: list[tuple[str, bytes]]


def partition_of(aggregate_id: UUID) -> int:
    """Where all events of an aggregate lie."""
    return crc32(_text(aggregate_id)) % PARTITIONS


def key_of(aggregate_id: UUID, version: int) -> bytes:
    """One key per event: compaction then folds accidental repeats and nothing else (mechanics 2.1)."""
    return b"%b:%010d" % (_text(aggregate_id), version)


def written(row: Row, partition: int, partition_sequence: int, receipt: ReceiptRow | None = None) -> KafkaRecord:
    """The record of a stored event; raises `BrokenStream` when its payload does not fit its schema.

    `receipt` is its command's; it goes with the last of the command's events.
    """
    value = avro_codec.encode(row.event_type, row.schema_version, row.payload)
    headers = headers_of(row, partition_sequence, receipt)
    return KafkaRecord(partition, key_of(row.aggregate_id, row.version), value, headers)


def headers_of(row: Row, partition_sequence: int, receipt: ReceiptRow | None) -> list[tuple[str, bytes]]:
    command = None
    if receipt is not None and receipt.position == row.position:
        command = _Command(receipt.command_type, bytes(receipt.payload_hash), receipt.events)
    stored = _Stored(
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
        *_FIXED,
        ("ce_id", _text(row.event_id)),
        ("ce_type", row.event_type.encode()),
        ("ce_subject", _text(row.aggregate_id)),
        ("ce_time", _time(row.occurred_at)),
        ("version", b"%d" % row.version),
        ("correlation-id", _text(row.correlation_id)),
        ("sequence", b"%d" % row.sequence_number),
        ("stored", _encode(stored)),
    ]
    if row.causation_id is not None:
        headers.append(("causation-id", _text(row.causation_id)))
    if row.saga_id is not None:
        headers.append(("saga-id", _text(row.saga_id)))
    return headers


def read(value: bytes, headers: Headers) -> Row:
    """The row behind a record; raises `BrokenStream` for anything that our relay has not written."""
    found = dict(headers)
    try:
        stored = _decode(found["stored"])
        return Row(
            _id(found["ce_id"]),
            _id(found["ce_subject"]),
            stored.aggregate_type,
            found["ce_type"].decode(),
            int(found["version"]),
            stored.schema_version,
            datetime.fromisoformat(found["ce_time"].decode()),
            stored.recorded_at,
            _id(found["correlation-id"]),
            _id(found["causation-id"]) if "causation-id" in found else None,
            _id(found["saga-id"]) if "saga-id" in found else None,
            int(found["sequence"]),
            stored.command_id,
            stored.actor,
            stored.metadata or "{}",
            avro_codec.decode(value),
            stored.hash,
            int(found["position"]),
        )
    except KeyError as error:
        raise BrokenStream(f"not a record of ours: no header {error}") from error
    except (ValueError, AttributeError, TypeError, msgspec.DecodeError) as error:
        raise BrokenStream(f"not a record of ours: {error}") from error


def receipt_of(row: Row, headers: Headers) -> ReceiptRow | None:
    """The receipt that travels with its command's last event; raises `BrokenStream` for half a receipt."""
    try:
        command = _decode(dict(headers)["stored"]).command
    except (KeyError, TypeError, msgspec.DecodeError) as error:
        raise BrokenStream(f"not a record of ours: {error}") from error
    if command is None:
        return None
    return ReceiptRow(
        row.command_id,
        command.type,
        command.hash,
        row.aggregate_id,
        row.aggregate_type,
        row.version,
        command.events,
        row.position,
        row.actor,
        row.recorded_at,
    )


def number(headers: Headers, name: str) -> int:
    """A header that is a number; raises `BrokenStream` if there is none."""
    for key, value in headers:
        if key == name and value is not None:
            return int(value)
    raise BrokenStream(f"not a record of ours: no header {name!r}")


def _text(identity: UUID) -> bytes:
    """An id as text; the encoder of JSON writes one in a fifth of the time that `str` takes."""
    return _encode(identity)[1:-1]


def _time(moment: datetime) -> bytes:
    in_utc = moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    return in_utc.isoformat(timespec="microseconds").encode()


def _id(text: bytes) -> UUID:
    return msgspec.convert(text.decode(), UUID)
