"""What a reader of the event log makes of one record of the topic `event-store`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from eventshop.core.errors import BrokenStream
from eventshop.eventstore.backends.protocol import backend
from eventshop.eventstore.records import EventRow
from eventshop.messaging.event_log import LogOffset, UnreadableDelivery
from eventshop.messaging.kafka.event_records import decode_event, record_key, record_numbers
from eventshop.messaging.kafka.record_verification import ForgedRecord, StoredHashes, load_stored_hashes, verify_record
from eventshop.messaging.serialization.avro_codec import UnknownSchema


class RecordContent(NamedTuple):
    """The numbers of a record, and its event; a tombstone has none."""

    sequence: int
    position: int
    row: EventRow | None


def read_contents(records: Sequence[Any]) -> list[RecordContent | Exception]:
    """The content of each record, or why it is no event of the store. One statement for all of them."""
    contents = [_read_content(record) for record in records]
    rows = [content.row for content in contents if isinstance(content, RecordContent) and content.row is not None]
    stored = load_stored_hashes([row.position for row in rows])
    return [_verify(content, stored) for content in contents]


def _read_content(record: Any) -> RecordContent | Exception:
    try:
        sequence, position = record_numbers(record)
        return RecordContent(sequence, position, None if record.value is None else read_event(record, position))
    except (BrokenStream, ValueError) as error:
        return error


def _verify(content: RecordContent | Exception, stored: StoredHashes) -> RecordContent | Exception:
    if isinstance(content, RecordContent) and content.row is not None:
        try:
            verify_record(content.row, stored)
        except ForgedRecord as error:
            return error
    return content


def read_event(record: Any, position: int) -> EventRow:
    """The event of a record. One of a newer release, whose schema this program lacks, is read from the event table."""
    try:
        return decode_event(record.value, record.headers)
    except UnknownSchema:
        for row in backend().select_events("WHERE position = %s", (position,)):
            if record.key == record_key(row.aggregate_id, row.version):
                return row
        raise


def offset_after(record: Any) -> LogOffset:
    try:
        return LogOffset(record.offset + 1, *record_numbers(record))
    except (BrokenStream, ValueError):  # not an event: it has no numbers
        return LogOffset(record.offset + 1)


def unreadable_record(topic: str, record: Any, error: Exception) -> UnreadableDelivery:
    return UnreadableDelivery(
        record.offset + 1, record.partition, topic, record.key, record.value, list(record.headers), str(error)
    )
