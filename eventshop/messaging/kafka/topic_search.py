"""Finds the record of an event on the topic `event-store`, by bisecting its partition for its position."""

from __future__ import annotations

from time import monotonic
from typing import Any, Final, Self

from eventshop.core.errors import BrokenStream
from eventshop.eventstore.records import EventRow
from eventshop.messaging.kafka import clients
from eventshop.messaging.kafka.event_records import PARTITIONS, decode_event, partition_for, record_numbers

_READ_TIMEOUT_S: Final = 20.0
#: A step needs one record; what else a fetch brings is thrown away.
_FETCH_BYTES: Final = 16_384


class TopicSearch:
    """Finds committed events on a topic, as it was when this was opened. Raises `KafkaUnavailable`."""

    def __init__(self, topic: str) -> None:
        self.topic = topic
        self.consumer = clients.create_consumer(max_partition_fetch_bytes=_FETCH_BYTES)
        partitions = clients.topic_partitions(topic, PARTITIONS)
        with clients.translate_errors():
            self._begins = self.consumer.beginning_offsets(partitions)
            self._ends = self.consumer.end_offsets(partitions)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.consumer.close(autocommit=False)

    def find(self, row: EventRow) -> EventRow | None:
        """The event that the topic has at the position of this one, in its partition; None if there is none."""
        tp = clients.TopicPartition(self.topic, partition_for(row.aggregate_id))
        low, end = self._begins[tp], self._ends[tp]
        while low < end:
            middle = (low + end) // 2
            record = self._first_event(tp, middle, end)
            position = record_numbers(record).position if record else 0
            if not record or position > row.position:
                end = middle
            elif position < row.position:
                low = record.offset + 1
            else:
                return decode_event(record.value, record.headers)
        return None

    def has(self, row: EventRow) -> bool:
        """Whether the topic has exactly this event, by id and hash, at its position."""
        return is_same_event(self.find(row), row)

    def _first_event(self, tp: Any, offset: int, end: int) -> Any:
        """The first record of an event between two offsets."""
        self.consumer.assign([tp])
        self.consumer.seek(tp, offset)
        timeout_s = clients.timeout_s(_READ_TIMEOUT_S)
        deadline = monotonic() + timeout_s
        while self.consumer.position(tp) < end:
            if monotonic() > deadline:
                raise clients.KafkaUnavailable(
                    f"Kafka did not return the record at offset {offset} of {tp.topic}/{tp.partition} within "
                    f"{timeout_s:.0f} s",
                    topic=self.topic,
                )
            with clients.translate_errors():
                records = self.consumer.poll(timeout_ms=clients.POLL_MS, max_records=100).get(tp, ())
            for record in records:
                if record.offset < end and _is_event(record):
                    return record
        return None


def is_same_event(event: EventRow | None, other: EventRow | None) -> bool:
    """Whether both are there and have the same id and hash."""
    return event is not None and other is not None and (event.event_id, event.hash) == (other.event_id, other.hash)


def _is_event(record: Any) -> bool:
    try:
        record_numbers(record)
    except (BrokenStream, ValueError):
        return False
    return record.value is not None
