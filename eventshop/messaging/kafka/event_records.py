"""Encodes an event as a Kafka record: key and partition, CloudEvents headers in binary mode, the payload in Avro.

Source: CloudEvents 1.0, Kafka protocol binding (attributes as `ce_` headers). The stream version, the position and the
ids that relate events have headers of their own. Everything else that restores the row is one JSON header, `stored`,
because kafka-python iterates over the headers four times when it sends and twice when it reads. The last event of a
command also carries the fields of the command's receipt, so that a restored event store can answer the command again.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple, TypeAlias
from uuid import UUID
from zlib import crc32

import msgspec
from msgspec import Struct

from eventshop.core.errors import BrokenStream
from eventshop.eventstore.command_receipts import ReceiptRow
from eventshop.eventstore.records import EventRow
from eventshop.messaging.serialization import avro_codec

#: Partitions of `event-store`. Never change it: an aggregate must stay in the partition of its first event.
PARTITIONS: Final = 12

Headers: TypeAlias = Sequence[tuple[str, bytes]]

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


class KafkaRecord(NamedTuple):
    """The encoded record of one event."""

    partition: int
    key: bytes
    value: bytes
    headers: list[tuple[str, bytes]]


def partition_for(aggregate_id: UUID) -> int:
    """The partition of all events of an aggregate."""
    return crc32(_encode_id(aggregate_id)) % PARTITIONS


def record_key(aggregate_id: UUID, version: int) -> bytes:
    """The key of one event. It is unique, so that compaction removes accidental duplicates and nothing else."""
    return b"%b:%010d" % (_encode_id(aggregate_id), version)


def encode_event(
    row: EventRow, partition: int, partition_sequence: int, receipt: ReceiptRow | None = None
) -> KafkaRecord:
    """Encode a stored event; raises `BrokenStream` when the payload does not fit its schema.

    `receipt` is the receipt of the event's command. It is written only if the event is the command's last one.
    """
    value = avro_codec.encode_payload(row.event_type, row.schema_version, row.payload)
    headers = encode_headers(row, partition_sequence, receipt)
    return KafkaRecord(partition, record_key(row.aggregate_id, row.version), value, headers)


def encode_headers(row: EventRow, partition_sequence: int, receipt: ReceiptRow | None) -> list[tuple[str, bytes]]:
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


def decode_event(value: bytes, headers: Headers) -> EventRow:
    """Decode the event row of a record; raises `BrokenStream` for a record that the relay did not write."""
    values = dict(headers)
    try:
        stored = _decode_stored_header(values["stored"])
        return EventRow(
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
    except KeyError as error:
        raise BrokenStream(f"not an event record: the header {error} is missing") from error
    except (ValueError, AttributeError, TypeError, msgspec.DecodeError) as error:
        raise BrokenStream(f"not an event record: {error}") from error


def decode_receipt(row: EventRow, headers: Headers) -> ReceiptRow | None:
    """Decode the receipt from its command's last event; None on any other event. Raises `BrokenStream`."""
    try:
        command = _decode_stored_header(dict(headers)["stored"]).command
    except (KeyError, TypeError, msgspec.DecodeError) as error:
        raise BrokenStream(f"not an event record: {error}") from error
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


class RecordNumbers(NamedTuple):
    """The numbers of an event record or of a tombstone."""

    partition_sequence: int  # gap-free within the partition
    position: int


def record_numbers(record: Any) -> RecordNumbers:
    """The numbers of a record as kafka-python reads it; raises `BrokenStream` for a record that the relay did not write."""
    try:
        return RecordNumbers(
            read_int_header(record.headers, "partition-sequence"), read_int_header(record.headers, "position")
        )
    except ValueError as error:
        raise BrokenStream(f"not an event record: {error}") from error


def read_int_header(headers: Headers, name: str) -> int:
    """The value of an integer header; raises `BrokenStream` if the header is missing."""
    for key, value in headers:
        if key == name and value is not None:
            return int(value)
    raise BrokenStream(f"not an event record: the header {name!r} is missing")


def _encode_id(identity: UUID) -> bytes:
    """An id as text. The JSON encoder takes a fifth of the time of `str`."""
    return _encode_json(identity)[1:-1]


def _encode_time(moment: datetime) -> bytes:
    in_utc = moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    return in_utc.isoformat(timespec="microseconds").encode()


def _decode_id(text: bytes) -> UUID:
    return msgspec.convert(text.decode(), UUID)
