"""The event log on Kafka: reads the partitions of the topic `event-store` and checks that they are complete.

The relay numbers the events of each partition without gaps. A lower number than expected is a duplicate and is skipped.
A higher number is a gap: the missing events are read from the event table, which is authoritative, and an error is
logged. A record that is not a valid event is logged and delivered unchanged as an `UnreadableDelivery`.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from eventshop.core.errors import BrokenStream
from eventshop.eventstore.backends.protocol import backend
from eventshop.messaging.event_log import DeliveredEvent, Delivery, LogOffset, UnreadableDelivery
from eventshop.messaging.kafka import clients, topics
from eventshop.messaging.kafka.event_records import PARTITIONS, decode_event, partition_for, record_numbers
from eventshop.messaging.kafka.topic_end import read_last_records

log = logging.getLogger(__name__)

#: How long one poll waits for records, and how many it returns at most.
_MAX_WAIT_MS: Final = 500
_MAX_RECORDS: Final = 1_000
#: Rows of the event table read at a time to fill a gap.
_PAGE_SIZE: Final = 1_000


class KafkaEventLog:
    """The topic `event-store` on the brokers that EVENT_LOG_URL names."""

    partitions: Sequence[int] = tuple(range(PARTITIONS))

    def __init__(self) -> None:
        self.topic = topics.event_store_topic()

    def open_reader(self, name: str) -> KafkaLogReader:
        return KafkaLogReader(self.topic)

    def end_offsets(self) -> dict[int, int]:
        """The offset after the last committed record of each partition, not counting transaction markers after it."""
        last = read_last_records(self.topic, PARTITIONS)
        return {number: last[number].offset + 1 if number in last else 0 for number in self.partitions}

    def partition_for(self, aggregate_id: UUID) -> int:
        return partition_for(aggregate_id)

    def report_offsets(self, offsets: Mapping[str, Mapping[int, LogOffset]]) -> None:
        """Commit the offsets of the consumer groups `eventshop-NAME`. Raises `KafkaUnavailable`."""
        with clients.open_admin_client() as client:
            for name, by_partition in offsets.items():
                client.alter_group_offsets(
                    topics.topic_name(f"eventshop-{name}"),
                    {
                        clients.TopicPartition(self.topic, number): clients.OffsetAndMetadata(offset.offset, "", -1)
                        for number, offset in by_partition.items()
                    },
                )


class KafkaLogReader:
    """A consumer whose partitions and offsets the caller assigns: the checkpoints are in the database with the rows."""

    def __init__(self, topic: str) -> None:
        self.topic = topic
        self.consumer = clients.create_consumer(max_poll_records=_MAX_RECORDS, fetch_max_wait_ms=_MAX_WAIT_MS)
        # Another connection: a broker answers one request after the other, and a fetch waits for new records.
        self._end_reader: Any = None
        self._checkpoints: dict[int, LogOffset] = {}  # where the caller's checkpoints should be now
        self._read_up_to: dict[int, LogOffset] = {}  # the same, including records skipped since
        self._polled: dict[Any, list[Any]] = {}  # records that `wait` received, for the next `read`

    def read(
        self, after: Mapping[int, LogOffset], limit: int, *, up_to: Mapping[int, LogOffset] | None = None
    ) -> list[Delivery]:
        self._seek_to(after)
        deliveries: list[Delivery] = []
        if not after:
            return deliveries
        polled, self._polled = self._polled or self.consumer.poll(timeout_ms=0, max_records=limit), {}
        for tp, records in polled.items():
            for record in records:
                deliveries += self._deliver(tp.partition, record)
        for delivery in deliveries:
            self._checkpoints[delivery.partition] = self._checkpoints[delivery.partition].after(delivery)
        return deliveries

    def read_up_to(self) -> dict[int, LogOffset]:
        return dict(self._read_up_to)

    def is_at_end(self, after: Mapping[int, LogOffset]) -> bool:
        """Transaction markers follow the last record, and only the consumer knows whether it has passed them."""
        partitions = [clients.TopicPartition(self.topic, number) for number in after]
        self._end_reader = self._end_reader or clients.create_consumer()
        ends = self._end_reader.end_offsets(partitions)
        return all(self.consumer.position(tp) >= ends[tp] for tp in partitions)

    def wait(self, seconds: float) -> None:
        if self._checkpoints and not self._polled:
            timeout_ms = min(int(seconds * 1_000), _MAX_WAIT_MS)
            self._polled = self.consumer.poll(timeout_ms=timeout_ms, max_records=_MAX_RECORDS)

    def close(self) -> None:
        self.consumer.close(autocommit=False)
        if self._end_reader is not None:
            self._end_reader.close(autocommit=False)

    def _seek_to(self, after: Mapping[int, LogOffset]) -> None:
        """Assign exactly these partitions to the consumer, each at its checkpoint."""
        if after.keys() != self._checkpoints.keys():
            self.consumer.assign([clients.TopicPartition(self.topic, number) for number in after])
            # A new assignment also loses the consumer's offsets in partitions that it had before.
            self._checkpoints, self._polled = {}, {}
        for partition, checkpoint in after.items():
            if self._checkpoints.get(partition) != checkpoint:
                self._polled.pop(clients.TopicPartition(self.topic, partition), None)
                self.consumer.seek(clients.TopicPartition(self.topic, partition), checkpoint.offset)
                self._checkpoints[partition] = self._read_up_to[partition] = checkpoint

    def _deliver(self, partition: int, record: Any) -> list[Delivery]:
        last = self._read_up_to[partition]
        try:
            sequence, position = record_numbers(record)
            # Never backwards: a tombstone or a duplicate may have lower numbers.
            read_up_to = LogOffset(record.offset + 1, max(sequence, last.sequence), max(position, last.position))
            row = None if record.value is None else decode_event(record.value, record.headers)
        except (BrokenStream, ValueError) as error:
            log.error("%s/%s@%s is not a valid event: %s", self.topic, partition, record.offset, error)
            self._read_up_to[partition] = last._replace(offset=record.offset + 1)
            return [_unreadable_record(self.topic, record, error)]
        self._read_up_to[partition] = read_up_to
        if row is None:  # a tombstone erases one event; it carries the numbers of the last event before it
            if sequence <= last.sequence:
                return []
            return self._read_missing(partition, last, sequence, position + 1, record)
        if sequence <= last.sequence:
            log.warning("%s/%s@%s repeats event %s", self.topic, partition, record.offset, row.event_id)
            return []
        has_gap = sequence > last.sequence + 1
        missing = self._read_missing(partition, last, sequence - 1, position, record) if has_gap else []
        return [*missing, DeliveredEvent(record.offset + 1, row, partition, sequence)]

    def _read_missing(self, partition: int, last: LogOffset, sequence: int, before: int, record: Any) -> list[Delivery]:
        """Read the events of a gap from the event table: after `last`, up to `sequence`, before the position `before`.

        They get the offset of `record`, which follows the gap.
        """
        position, missing = last.position, list[Delivery]()
        while True:
            rows = backend().select_events(
                "WHERE position > %s AND position < %s ORDER BY position LIMIT %s", (position, before, _PAGE_SIZE)
            )
            for row in rows:
                if partition_for(row.aggregate_id) == partition:
                    missing.append(DeliveredEvent(record.offset, row, partition, last.sequence + len(missing) + 1))
            if len(rows) < _PAGE_SIZE:
                break
            position = rows[-1].position
        log.error(
            "%s/%s: events %s to %s are missing before offset %s; %s of them were read from the event table",
            self.topic,
            partition,
            last.sequence + 1,
            sequence,
            record.offset,
            len(missing),
        )
        return missing


def _unreadable_record(topic: str, record: Any, error: Exception) -> UnreadableDelivery:
    return UnreadableDelivery(
        record.offset + 1, record.partition, topic, record.key, record.value, list(record.headers), str(error)
    )
