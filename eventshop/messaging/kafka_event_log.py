"""The event log on Kafka: reads the partitions of the topic `event-store` and checks that they are complete.

The relay numbers the events of each partition without gaps. A lower number than expected is a duplicate and is skipped.
A higher number is a hole: the missing events are read from the event table, which is authoritative, and an error is
logged; so is a beginning that Kafka no longer has. A record that is not a valid event is logged and delivered unchanged
as an `UnreadableDelivery`.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from itertools import islice
from time import monotonic
from typing import Any, Final, NamedTuple
from uuid import UUID

from django.conf import settings

from eventshop.core.errors import StoreDiverged
from eventshop.eventstore import store_epochs
from eventshop.eventstore.records import EventRow
from eventshop.messaging.event_log import DeliveredEvent, Delivery, LogOffset
from eventshop.messaging.kafka import clients, topics
from eventshop.messaging.kafka.delivered_records import RecordContent, offset_after, read_contents, unreadable_record
from eventshop.messaging.kafka.event_records import PARTITIONS, partition_for
from eventshop.messaging.kafka.topic_end import read_last_records, written_end_offsets
from eventshop.messaging.log_holes import Hole, LogHoles
from eventshop.messaging.models import RelayCheckpoint
from eventshop.messaging.reconciliation import divergence

log = logging.getLogger(__name__)

#: How long one poll waits for records, and how many it returns at most.
_MAX_WAIT_MS: Final = 500
_MAX_RECORDS: Final = 1_000


class KafkaEventLog:
    """The topic `event-store` on the brokers that EVENT_LOG_URL names."""

    partitions: Sequence[int] = tuple(range(PARTITIONS))

    def __init__(self) -> None:
        self.topic = topics.event_store_topic()
        self._comparison_due_at = 0.0

    def open_reader(self, name: str) -> KafkaLogReader:
        """One comparison serves all readers that a worker opens. Raises `StoreDiverged` and `KafkaUnavailable`."""
        if monotonic() >= self._comparison_due_at:
            divergence.refuse_older_database(self.topic)
            self._comparison_due_at = monotonic() + settings.DIVERGENCE_CHECK_S
        return KafkaLogReader(self.topic)

    def ends(self) -> dict[int, LogOffset]:
        """The end of each partition after its last committed record, not counting transaction markers after it."""
        last = read_last_records(self.topic, PARTITIONS)
        return {number: offset_after(last[number]) if number in last else LogOffset(0) for number in self.partitions}

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
        self._holes = LogHoles(topic)
        self._lost_beginnings: dict[int, _LostBeginning] = {}  # of partitions without a record since
        self._last_event: EventRow | None = None  # that was delivered
        self._last_event_check = divergence.LastEventCheck()

    def read(
        self, after: Mapping[int, LogOffset], limit: int, *, up_to: Mapping[int, LogOffset] | None = None
    ) -> list[Delivery]:
        if self._last_event_check.is_due():
            self._check_last_event()
        self._seek_to(after)
        deliveries: list[Delivery] = []
        if not after:
            return deliveries
        if not self._holes:
            polled, self._polled = self._polled or self._poll(0, limit), {}
            contents = iter(read_contents([record for records in polled.values() for record in records]))
            for tp, records in polled.items():
                # All of its contents are taken, though it may stop at a hole: the next ones are of other records.
                deliveries += self._deliver(tp.partition, records, list(islice(contents, len(records))))
            if not deliveries:
                self._look_for_empty_partitions(up_to or {})
        if self._holes and not deliveries:
            missing, filled = self._holes.read(limit)
            deliveries += missing
            self._read_up_to |= filled
        for delivery in deliveries:
            self._checkpoints[delivery.partition] = self._checkpoints[delivery.partition].after(delivery)
            if isinstance(delivery, DeliveredEvent):
                self._last_event = delivery.row
        return deliveries

    def read_up_to(self) -> dict[int, LogOffset]:
        return dict(self._read_up_to)

    def is_at_end(self, after: Mapping[int, LogOffset]) -> bool:
        """Transaction markers follow the last record, and only the consumer knows whether it has passed them.

        A checkpoint beyond the end is not at the end: the next `read` finds out.
        """
        if self._holes:
            return False
        partitions = [clients.TopicPartition(self.topic, number) for number in after]
        self._end_reader = self._end_reader or clients.create_consumer()
        ends = self._end_reader.end_offsets(partitions)
        return all(self.consumer.position(tp) == ends[tp] for tp in partitions)

    def wait(self, seconds: float) -> None:
        if self._checkpoints and not self._polled and not self._holes:
            self._polled = self._poll(min(int(seconds * 1_000), _MAX_WAIT_MS), _MAX_RECORDS)

    def close(self) -> None:
        self.consumer.close(autocommit=False)
        if self._end_reader is not None:
            self._end_reader.close(autocommit=False)

    def _check_last_event(self) -> None:
        """Raises `StoreDiverged` and `DivergenceSuspected` if the table has not what Kafka has."""
        if epoch := store_epochs.find_divergence():
            raise StoreDiverged(epoch.divergence_reason)
        if self._last_event is not None:
            self._last_event_check.compare(self._last_event)

    def _seek_to(self, after: Mapping[int, LogOffset]) -> None:
        """Assign exactly these partitions to the consumer, each at its checkpoint."""
        if after.keys() != self._checkpoints.keys():
            self.consumer.assign([clients.TopicPartition(self.topic, number) for number in after])
            # A new assignment also loses the consumer's offsets in partitions that it had before.
            self._checkpoints, self._polled, self._lost_beginnings = {}, {}, {}
            self._holes = LogHoles(self.topic)
        for partition, checkpoint in after.items():
            if self._checkpoints.get(partition) != checkpoint:
                self._polled.pop(clients.TopicPartition(self.topic, partition), None)
                self._holes.discard(partition)
                self._lost_beginnings.pop(partition, None)
                self.consumer.seek(clients.TopicPartition(self.topic, partition), checkpoint.offset)
                self._checkpoints[partition] = self._read_up_to[partition] = checkpoint

    def _poll(self, timeout_ms: int, limit: int) -> dict[Any, list[Any]]:
        try:
            polled: dict[Any, list[Any]] = self.consumer.poll(timeout_ms=timeout_ms, max_records=limit)
        except clients.OffsetOutOfRangeError:
            self._seek_to_beginnings()
            return {}
        return polled

    def _seek_to_beginnings(self) -> None:
        """Go on where Kafka begins in partitions that have lost their records up to there (retention, deletion)."""
        partitions = [clients.TopicPartition(self.topic, number) for number in self._checkpoints]
        begins, ends = self.consumer.beginning_offsets(partitions), written_end_offsets(partitions)
        for tp in partitions:
            offset = self.consumer.position(tp)
            if offset > ends[tp]:
                raise topics.TopicRefused(
                    f"{self.topic}/{tp.partition} ends at offset {ends[tp]}, before the checkpoint at {offset}: Kafka "
                    "has lost records, or the topic was made anew. Run verify_log; then see docs/recovery.md",
                    topic=self.topic,
                )
            if offset < begins[tp]:
                self.consumer.seek(tp, begins[tp])
                self._lost_beginnings[tp.partition] = _LostBeginning(ends[tp], 0)

    def _look_for_empty_partitions(self, up_to: Mapping[int, LogOffset]) -> None:
        """Where no record follows a lost beginning, no number tells what is missing: it is all that was published.

        How far that is, the relay's checkpoint says, `up_to`, and what other partitions hold: the relay publishes in
        the order of positions. What follows on Kafka after all repeats its numbers.
        """
        for partition, (end, filled_to) in list(self._lost_beginnings.items()):
            if self.consumer.position(clients.TopicPartition(self.topic, partition)) < end:
                continue
            seen = max(offset.position for offset in (*self._read_up_to.values(), *up_to.values()))
            published = max(_confirmed_position(self.topic), seen)
            if published > filled_to:
                last = self._read_up_to[partition]
                begin = last._replace(position=max(last.position, filled_to))
                self._holes.open(partition, Hole(begin, published + 1, 0))
                self._lost_beginnings[partition] = _LostBeginning(end, published)

    def _deliver(
        self, partition: int, records: Sequence[Any], contents: Sequence[RecordContent | Exception]
    ) -> list[Delivery]:
        """The deliveries of some records, up to the first hole, which is filled before the record that follows it."""
        self._lost_beginnings.pop(partition, None)
        deliveries: list[Delivery] = []
        for record, content in zip(records, contents, strict=True):
            found = self._read_record(partition, record, content)
            if isinstance(found, Hole):
                self._holes.open(partition, found)
                self.consumer.seek(clients.TopicPartition(self.topic, partition), record.offset)
                break
            if found is not None:
                deliveries.append(found)
        return deliveries

    def _read_record(self, partition: int, record: Any, content: RecordContent | Exception) -> Delivery | Hole | None:
        """The delivery of a record, the hole before it, or None for a record that delivers nothing."""
        last = self._read_up_to[partition]
        if isinstance(content, Exception):
            log.error("%s/%s@%s is not a valid event: %s", self.topic, partition, record.offset, content)
            self._read_up_to[partition] = last._replace(offset=record.offset + 1)
            return unreadable_record(self.topic, record, content)
        sequence, position, row = content
        if row is None and sequence > last.sequence:  # a tombstone carries the numbers of the last event before it
            return Hole(last, position + 1, sequence)
        if row is not None and sequence > last.sequence + 1:
            return Hole(last, position, sequence - 1)
        # Never backwards: a tombstone or a duplicate may have lower numbers.
        numbers = max(sequence, last.sequence), max(position, last.position)
        self._read_up_to[partition] = LogOffset(record.offset + 1, *numbers)
        if row is None:
            return None
        if sequence <= last.sequence:
            log.warning("%s/%s@%s repeats event %s", self.topic, partition, record.offset, row.event_id)
            return None
        return DeliveredEvent(record.offset + 1, row, partition, sequence)


class _LostBeginning(NamedTuple):
    """A partition whose records before some offset are gone."""

    end: int  # the offset at which the partition ended
    filled_to: int  # the position up to which the event table was read instead


def _confirmed_position(topic: str) -> int:
    """The position up to which the relay knows all events to be on Kafka."""
    return RelayCheckpoint.objects.filter(topic=topic).values_list("position", flat=True).first() or 0
