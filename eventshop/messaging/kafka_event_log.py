"""The log of production: the topic `event-store`, read partition by partition, and proven complete on the way.

The relay numbers the events of each partition without gaps. A lower number than expected is a repeat and is skipped; a
higher one is a hole: whatever is missing is read from the event table, which is where it was decided, and the hole is
reported. So is a record that is none of ours: it is handed over as it lies there and set aside.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from threading import Event as Signal
from time import monotonic
from typing import Any, Final
from uuid import UUID

from eventshop.core.errors import BrokenStream
from eventshop.eventstore.backends.protocol import engine
from eventshop.messaging.event_log import Delivered, Delivery, Place, Unreadable
from eventshop.messaging.kafka import clients, topics
from eventshop.messaging.kafka.event_records import PARTITIONS, number, partition_of, read
from eventshop.messaging.kafka.topic_end import last_records

log = logging.getLogger(__name__)

#: How often Kafka's own offsets are brought up to date.
TELL_EVERY_S: Final = 2.0
#: How long to wait for something to come, and how much of it is taken at once.
_LONGEST_WAIT_MS: Final = 200
_MOST: Final = 500
#: Rows looked through at a time when a hole is filled.
_PAGE: Final = 1_000


class KafkaLog:
    """One topic on the brokers that EVENT_LOG_URL names."""

    partitions: Sequence[int] = tuple(range(PARTITIONS))

    def __init__(self) -> None:
        self.topic = topics.event_store()

    def reader(self, name: str) -> KafkaReader:
        return KafkaReader(self.topic, name)

    def heads(self) -> dict[int, int]:
        """Behind the last committed record of each partition: transaction markers after it are nothing to wait for."""
        last = last_records(self.topic, PARTITIONS)
        return {number: last[number].offset + 1 if number in last else 0 for number in self.partitions}

    def partition_of(self, aggregate_id: UUID) -> int:
        return partition_of(aggregate_id)


class KafkaReader:
    """A consumer whose partitions and offsets are given from outside: they lie in the database with the rows.

    Kafka's own offsets of the group `eventshop-NAME` are kept up as well, for the tools that show lag; nothing reads
    them here.
    """

    def __init__(self, topic: str, name: str) -> None:
        self.topic = topic
        self.consumer = clients.consumer(group_id=topics.named(f"eventshop-{name}"))
        self._told_at = 0.0
        self._given: dict[int, Place] = {}  # what the caller's checkpoints should say now
        self._passed: dict[int, Place] = {}  # the same, including what was skipped since
        self._came: dict[Any, list[Any]] = {}  # what came while `wait` waited, to be read next

    def read(
        self, after: Mapping[int, Place], limit: int, *, up_to: Mapping[int, Place] | None = None
    ) -> list[Delivery]:
        self._go_to(after)
        self._tell_lag_tools()
        found: list[Delivery] = []
        if not after:
            return found
        came, self._came = self._came or self.consumer.poll(timeout_ms=0, max_records=limit), {}
        for tp, records in came.items():
            for record in records:
                found += self._deliver(tp.partition, record)
        for item in found:
            self._given[item.partition] = _after(self._given[item.partition], item)
        return found

    def at_end(self, after: Mapping[int, Place]) -> bool:
        """Markers of transactions lie behind the last record: only the consumer knows that it has passed them."""
        parts = [clients.TopicPartition(self.topic, number) for number in after]
        ends = self.consumer.end_offsets(parts)
        return all(self.consumer.position(tp) >= ends[tp] for tp in parts)

    def wait(self, seconds: float, stop: Signal) -> None:
        """Kafka says at once when something comes; so it may be waited for longer than `seconds`."""
        if self._given and not self._came:
            self._came = self.consumer.poll(timeout_ms=_LONGEST_WAIT_MS, max_records=_MOST)

    def close(self) -> None:
        self._told_at = 0.0
        self._tell_lag_tools()
        self.consumer.close(autocommit=False)

    def _go_to(self, after: Mapping[int, Place]) -> None:
        """Take the partitions that are asked for, each from where its checkpoint says."""
        if after.keys() != self._given.keys():
            self.consumer.assign([clients.TopicPartition(self.topic, number) for number in after])
            # A new assignment forgets where the consumer was in the partitions that stay.
            self._given, self._came = {}, {}
        for partition, place in after.items():
            if self._given.get(partition) != place:
                self._came.pop(clients.TopicPartition(self.topic, partition), None)
                self.consumer.seek(clients.TopicPartition(self.topic, partition), place.offset)
                self._given[partition] = self._passed[partition] = place

    def _tell_lag_tools(self) -> None:
        """Commit where the caller's checkpoints are, without waiting: an answer that is lost is told again."""
        if self._given and monotonic() >= self._told_at + TELL_EVERY_S:
            self._told_at = monotonic()
            self.consumer.commit_async(
                {
                    clients.TopicPartition(self.topic, partition): clients.OffsetAndMetadata(place.offset, "", -1)
                    for partition, place in self._given.items()
                }
            )

    def _deliver(self, partition: int, record: Any) -> list[Delivery]:
        last = self._passed[partition]
        try:
            sequence, position = number(record.headers, "partition-sequence"), number(record.headers, "position")
            # What was seen once stays seen: a tombstone or a repeat may say lower numbers.
            passed = Place(record.offset + 1, max(sequence, last.sequence), max(position, last.position))
            row = None if record.value is None else read(record.value, record.headers)
        except (BrokenStream, ValueError) as error:
            log.error("%s/%s@%s is no event of ours: %s", self.topic, partition, record.offset, error)
            self._passed[partition] = last._replace(offset=record.offset + 1)
            return [_unreadable(self.topic, record, error)]
        self._passed[partition] = passed
        if row is None:  # a tombstone of ours: one event is erased; its numbers are those of the last one before it
            return self._missing(partition, last, sequence, position + 1, record) if sequence > last.sequence else []
        if sequence <= last.sequence:
            log.warning("%s/%s@%s repeats event %s", self.topic, partition, record.offset, row.event_id)
            return []
        hole = sequence > last.sequence + 1
        missing = self._missing(partition, last, sequence - 1, position, record) if hole else []
        return [*missing, Delivered(record.offset + 1, row, partition, sequence)]

    def _missing(self, partition: int, last: Place, sequence: int, before: int, record: Any) -> list[Delivery]:
        """The events of a hole, from the table: behind `last` up to `sequence`, which lies before position `before`.

        They count as lying where the record behind them lies.
        """
        position, found = last.position, list[Delivery]()
        while True:
            rows = engine().select(
                "WHERE position > %s AND position < %s ORDER BY position LIMIT %s", (position, before, _PAGE)
            )
            for row in rows:
                if partition_of(row.aggregate_id) == partition:
                    found.append(Delivered(record.offset, row, partition, last.sequence + len(found) + 1))
            if len(rows) < _PAGE:
                break
            position = rows[-1].position
        log.error(
            "%s/%s: events %s to %s are missing before offset %s; %s of them were read from the event table",
            self.topic,
            partition,
            last.sequence + 1,
            sequence,
            record.offset,
            len(found),
        )
        return found


def _after(place: Place, item: Delivery) -> Place:
    if isinstance(item, Unreadable):
        return place._replace(offset=item.offset)
    return Place(item.offset, item.sequence, item.row.position)


def _unreadable(topic: str, record: Any, error: Exception) -> Unreadable:
    return Unreadable(
        record.offset + 1, record.partition, topic, record.key, record.value, list(record.headers), str(error)
    )
