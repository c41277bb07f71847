"""What a reader of the event log makes of one record of the topic `event-store`."""

from __future__ import annotations

from typing import Any

from eventshop.core.errors import BrokenStream
from eventshop.eventstore.backends.protocol import backend
from eventshop.eventstore.records import EventRow
from eventshop.messaging.event_log import LogOffset, UnreadableDelivery
from eventshop.messaging.kafka.event_records import decode_event, record_key, record_numbers
from eventshop.messaging.serialization.avro_codec import UnknownSchema


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
