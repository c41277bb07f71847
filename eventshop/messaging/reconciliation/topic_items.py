"""What a record of the topic `event-store` is: an event, a tombstone, or a record that the relay did not write."""

from __future__ import annotations

import re
from hashlib import sha256
from typing import Any, Final, NamedTuple, TypeAlias

from eventshop.core.errors import BrokenStream
from eventshop.eventstore.command_receipts import ReceiptRow
from eventshop.eventstore.records import EventRow
from eventshop.messaging.kafka.event_records import decode_record, record_numbers

_KEY: Final = re.compile(rb"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}:\d{10}")


class TopicEvent(NamedTuple):
    """An event, with its partition and offset."""

    partition: int
    offset: int
    key: bytes | None
    value: bytes
    headers: list[tuple[str, bytes | None]]  # Kafka allows a header without a value
    sequence: int
    preceding_position: int  # the highest before it in its partition; not below its own: it is late or a duplicate
    row: EventRow
    receipt: ReceiptRow | None  # on the last event of its command


class Tombstone(NamedTuple):
    """Erases one event. Its sequence number is that of the last event before it in its partition."""

    partition: int
    offset: int
    key: bytes
    sequence: int


class ForeignRecord(NamedTuple):
    """A record that the relay did not write."""

    partition: int
    offset: int
    error: str
    digest: str  # SHA-256 of key, value and headers, in hexadecimal


TopicItem: TypeAlias = TopicEvent | Tombstone | ForeignRecord


def parse_record(record: Any, preceding_position: int) -> TopicItem:
    """What a record is; `preceding_position` is the highest before it in its partition."""
    try:
        sequence = record_numbers(record).partition_sequence
        if record.value is not None:
            row, receipt = decode_record(record.value, record.headers)
            return TopicEvent(
                *(record.partition, record.offset, record.key, record.value, record.headers),
                *(sequence, preceding_position, row, receipt),
            )
        if record.key is None or not _KEY.fullmatch(record.key):
            raise BrokenStream("a tombstone whose key names no event")
        return Tombstone(record.partition, record.offset, record.key, sequence)
    except (BrokenStream, ValueError) as error:
        return ForeignRecord(record.partition, record.offset, str(error), digest_of(record))


def digest_of(record: Any) -> str:
    """SHA-256 of key, value and headers, in hexadecimal: what an acknowledgement is of."""
    return sha256(repr((record.key, record.value, list(record.headers))).encode()).hexdigest()
