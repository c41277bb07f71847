"""Encodes an event as a CloudEvent (`cloud_event_layout.py`)."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

import msgspec

from eventshop.core.errors import BrokenStream
from eventshop.eventstore.command_receipts import ReceiptRow
from eventshop.eventstore.records import EventRow
from eventshop.messaging.serialization import cloud_event_layout as layout

#: Bytes of SHA-256.
HASH_SIZE: Final = 32

_encode_json: Final = msgspec.json.Encoder().encode
_SMALL_NUMBERS: Final = [layout.encode_number(number) for number in range(4_096)]


def encode_cloud_event(row: EventRow, partition_sequence: int, receipt: ReceiptRow | None, data: bytes) -> bytes:
    """Encode an event with its payload; `receipt` is written only if the event is its command's last one.

    Raises `BrokenStream` for an event whose hash has not the size of SHA-256: no reader could decode the record.
    """
    if len(row.hash) != HASH_SIZE:
        raise BrokenStream(f"event {row.event_id} at position {row.position} has a hash of {len(row.hash)} bytes")
    ids = _encode_json((row.event_id, row.aggregate_id, row.correlation_id, row.command_id))
    optional, count = b"", layout.REQUIRED_ATTRIBUTES
    if row.causation_id is not None:
        optional, count = layout.CAUSATION_ID + _encode_json(row.causation_id)[1:-1], count + 1
    if row.saga_id is not None:
        optional, count = optional + layout.SAGA_ID + _encode_json(row.saga_id)[1:-1], count + 1
    if row.metadata != "{}":
        optional, count = optional + layout.METADATA + _text(row.metadata.encode()), count + 1
    if receipt is not None and receipt.position == row.position:
        optional, count = optional + _encode_command(receipt), count + 3
    return b"".join(
        (
            layout.TEMPLATE
            % (
                _number(count),
                partition_sequence,
                row.position,
                ids[2:38],
                ids[41:77],
                ids[80:116],
                ids[119:155],
                _encode_time(row.occurred_at),
                _encode_time(row.recorded_at),
                bytes(row.hash),
            ),
            _encode_types(row.event_type, row.aggregate_type, row.schema_version),
            layout.STREAM_VERSION,
            _number(row.version),
            layout.SEQUENCE,
            _number(row.sequence_number),
            layout.ACTOR,
            _text(row.actor.encode()),
            optional,
            layout.END,
            _text(data),
        )
    )


def _encode_command(receipt: ReceiptRow) -> bytes:
    return b"".join(
        (
            layout.COMMAND_TYPE + _text(receipt.command_type.encode()),
            layout.COMMAND_HASH + _text(bytes(receipt.payload_hash)),
            layout.COMMAND_EVENTS + _number(receipt.events),
        )
    )


@lru_cache(maxsize=1_000)
def _encode_types(event_type: str, aggregate_type: str, schema_version: int) -> bytes:
    return b"".join(
        (
            layout.TYPE + _text(event_type.encode()),
            layout.AGGREGATE_TYPE + _text(aggregate_type.encode()),
            layout.SCHEMA_VERSION + _number(schema_version),
        )
    )


def _encode_time(moment: datetime) -> bytes:
    """RFC 3339 with microseconds. The JSON encoder, which omits them if they are 0, takes a tenth of `isoformat`."""
    text = _encode_json(moment if moment.tzinfo is UTC else moment.astimezone(UTC))[1:-1]
    return text if len(text) == 27 else text[:19] + b".000000Z"


def _number(number: int) -> bytes:
    return _SMALL_NUMBERS[number] if 0 <= number < 4_096 else layout.encode_number(number)


def _text(text: bytes) -> bytes:
    return _number(len(text)) + text
