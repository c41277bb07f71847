"""Encodes an event as a Kafka record: its key, its partition, and a CloudEvent in structured mode with one header.

kafka-python takes 0.5 to 1 us for each header of a record that it sends or reads, so everything is in the value
(`serialization/cloud_event_layout.py`). Records that were written before are in binary mode (`binary_mode_records.py`);
both are on the same topic, and all functions here read both. The last event of a command also carries the fields of the
command's receipt, so that a restored event store can answer the command again. A tombstone has no value: its numbers
are in headers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple, TypeAlias
from uuid import UUID
from zlib import crc32

import msgspec

from eventshop.core.errors import BrokenStream
from eventshop.eventstore.command_receipts import ReceiptRow
from eventshop.eventstore.event_size import MAX_EVENT_BYTES
from eventshop.eventstore.records import EventRow
from eventshop.messaging.kafka.binary_mode_records import decode_binary_mode
from eventshop.messaging.serialization import avro_codec
from eventshop.messaging.serialization.cloud_event_decoder import decode_cloud_event, read_numbers
from eventshop.messaging.serialization.cloud_event_encoder import encode_cloud_event
from eventshop.messaging.serialization.cloud_event_layout import CONTENT_TYPE, CloudEvent

#: Partitions of `event-store`. Never change it: an aggregate must stay in the partition of its first event.
PARTITIONS: Final = 12

#: What a record adds at most to the text of its event: names of attributes, key, header and the command's receipt.
RECORD_OVERHEAD_BYTES: Final = 8 * 1024
#: The largest record of an event in bytes, with its key and headers. `clients.MAX_MESSAGE_BYTES` allows far more.
MAX_RECORD_BYTES: Final = MAX_EVENT_BYTES + RECORD_OVERHEAD_BYTES

Headers: TypeAlias = Sequence[tuple[str, bytes]]

#: W3C Trace Context, on records that were published while tracing was on. It is no part of the event.
TRACE_HEADER: Final = "traceparent"
#: The header of every event record in structured mode.
STRUCTURED_MODE: Final = ("content-type", CONTENT_TYPE.encode())

_encode_json: Final = msgspec.json.Encoder().encode


class KafkaRecord(NamedTuple):
    """The encoded record of one event."""

    partition: int
    key: bytes
    value: bytes
    headers: list[tuple[str, bytes]]


class RecordNumbers(NamedTuple):
    """The numbers of an event record or of a tombstone."""

    partition_sequence: int  # gap-free within the partition
    position: int


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
    payload = avro_codec.encode_payload(row.event_type, row.schema_version, row.payload)
    value = encode_cloud_event(row, partition_sequence, receipt, payload)
    return KafkaRecord(partition, record_key(row.aggregate_id, row.version), value, [STRUCTURED_MODE])


def is_structured(headers: Sequence[tuple[str, bytes | None]]) -> bool:
    """Whether a record is in structured mode; otherwise it is in binary mode, or a tombstone."""
    return STRUCTURED_MODE in headers


def decode_event(value: bytes, headers: Headers) -> EventRow:
    """Decode the event row of a record; raises `BrokenStream` for a record that the relay did not write."""
    return _decode(value, headers).row


def decode_record(value: bytes, headers: Headers) -> tuple[EventRow, ReceiptRow | None]:
    """Decode event and receipt at once, in half the time. Raises `BrokenStream`."""
    row, command = _decode(value, headers)
    if command is None:
        return row, None
    return row, ReceiptRow(
        row.command_id,
        command.command_type,
        command.payload_hash,
        row.aggregate_id,
        row.aggregate_type,
        row.version,
        command.events,
        row.position,
        row.actor,
        row.recorded_at,
    )


def record_numbers(record: Any) -> RecordNumbers:
    """The numbers of a record of kafka-python's consumer; raises `BrokenStream` if it is none of the relay's."""
    if record.value is not None and is_structured(record.headers):
        return RecordNumbers(*read_numbers(record.value))
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


def _decode(value: bytes, headers: Headers) -> CloudEvent:
    return decode_cloud_event(value) if is_structured(headers) else decode_binary_mode(value, headers)


def _encode_id(identity: UUID) -> bytes:
    """An id as text. The JSON encoder takes a fifth of the time of `str`."""
    return _encode_json(identity)[1:-1]
