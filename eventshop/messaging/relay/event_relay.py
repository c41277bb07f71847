"""Publishes the event table to the topic `event-store`, each event exactly once, through any crash.

One process leads at a time (`leader_election.py`). It resumes after the highest position on the topic itself. After any
error it discards the producer and reads that position again; it never resumes from memory.

Kafka decides a transaction once, but brokers that die can fail to end it in some partitions (`hanging_transactions.py`)
or lose it there. A relay that takes over therefore ends hanging transactions, and sends again the events among the last
`LOST_EVENT_WINDOW` that a partition lacks. Otherwise it would number that partition from a lower number, and no reader
could detect the gap.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from threading import Event as Signal
from time import monotonic
from typing import Any, Final, NamedTuple
from uuid import UUID

from django.db import Error as DatabaseFailure
from django.utils import timezone

from eventshop.core.errors import EventShopError, TailBusy
from eventshop.eventstore.backends.protocol import backend
from eventshop.eventstore.records import EventRow
from eventshop.eventstore.tail_reader import TailReader
from eventshop.messaging.kafka import hanging_transactions, topics
from eventshop.messaging.kafka.event_records import encode_event, partition_for, record_numbers
from eventshop.messaging.kafka.topic_end import TopicEnd, read_topic_end
from eventshop.messaging.kafka.transactional_producer import ProducerRecord, TransactionalProducer
from eventshop.messaging.models import RelayCheckpoint
from eventshop.messaging.relay import leader_election
from eventshop.messaging.relay.leader_election import ManualInterventionRequired, renew_leadership
from eventshop.runtime.fault_injection import crash_point
from eventshop.runtime.process_name import process_name
from eventshop.runtime.watchdog import Watchdog

log = logging.getLogger(__name__)

#: Events in one Kafka transaction.
BATCH_SIZE: Final = 1_000
#: Events before the end of the topic that a relay checks one by one when it takes over.
LOST_EVENT_WINDOW: Final = 10_000


class RelayStopped(ManualInterventionRequired):
    """The relay stops until an operator intervenes."""

    code = "relay-stopped"


class PreparedBatch(NamedTuple):
    """Encoded events, and the state of the relay once they are in Kafka."""

    records: list[ProducerRecord]
    position: int
    sequences: list[int]


class EventRelay:
    """One term of a leading relay, from taking over to its first error."""

    max_idle_s = 0.02

    def __init__(self, watchdog: Watchdog) -> None:
        self.topic = topics.event_store_topic()
        self.owner = process_name()
        self.source = TailReader()
        self.producer = TransactionalProducer("relay", f"eventshop-relay-{self.topic}", watchdog)
        self.position = 0
        self.sequences: list[int] = []
        self.topic_id: UUID | None = None
        self._visibility_monitor: hanging_transactions.StalledVisibilityMonitor | None = None
        self._next_batch: PreparedBatch | None = None  # follows the batch published last
        self._saved_position = -1
        self._saved_at = 0.0

    def take_over(self) -> None:
        """Fence the previous leader, then read what is in Kafka: in this order, it cannot commit anything afterwards.

        Raises `RelayStopped` when Kafka holds less than it has confirmed, `TopicRefused`, `KafkaUnavailable`.
        """
        topic = topics.require_topic(self.topic)
        self.topic_id = topic.topic_id
        self.producer.open()
        partitions = {self.topic: topic.partitions}
        confirmed = self._confirmed_position()
        hanging_transactions.end_hanging_transactions(
            self.producer.transactional_id, partitions, position_of=_record_position, confirmed=confirmed
        )
        end = read_topic_end(self.topic, topic.partitions, await_open_transactions=True)
        self._refuse_data_loss(end, confirmed)
        self.position, self.sequences = end.position, end.sequences
        self._resend(self._find_lost_events(end))
        self._visibility_monitor = hanging_transactions.StalledVisibilityMonitor(partitions)
        self._save_checkpoint(force=True)
        log.info("relaying to %s from position %s", self.topic, self.position)

    def publish_batch(self, limit: int = BATCH_SIZE) -> int:
        """Publish the next events in one transaction; return their number. After any exception, discard this relay."""
        try:
            batch = self._next_batch or self._prepare_batch(self.position, self.sequences, limit)
        except TailBusy:
            return 0
        self._next_batch = None
        if batch.records:
            is_full = len(batch.records) >= limit
            self.producer.publish(
                batch.records,
                len(batch.records),
                while_in_flight=lambda: self._read_ahead(batch, limit if is_full else 0),
            )
            crash_point("relay.before-checkpoint")
            self.position, self.sequences = batch.position, batch.sequences
        self._save_checkpoint()
        if self._visibility_monitor:
            self._visibility_monitor.check()
        return len(batch.records)

    def close(self) -> None:
        if self._visibility_monitor:
            self._visibility_monitor.close()
        self.producer.close()

    def _prepare_batch(self, position: int, sequences: Sequence[int], limit: int) -> PreparedBatch:
        """Read and encode the next events, with their commands' receipts; continue each partition's numbers."""
        rows = self.source.read(position, limit)
        return self._encode_batch(rows, rows[-1].position if rows else position, sequences)

    def _encode_batch(self, rows: Sequence[EventRow], position: int, sequences: Sequence[int]) -> PreparedBatch:
        command_ids = list({row.command_id for row in rows})
        receipts = {receipt.position: receipt for receipt in backend().load_receipts(command_ids)} if rows else {}
        numbers, records = list(sequences), list[ProducerRecord]()
        for row in rows:
            partition = partition_for(row.aggregate_id)
            numbers[partition] += 1
            record = encode_event(row, partition, numbers[partition], receipts.get(row.position))
            timestamp_ms = int(row.recorded_at.timestamp() * 1000)
            records.append(
                ProducerRecord(self.topic, partition, record.key, record.value, record.headers, timestamp_ms)
            )
        return PreparedBatch(records, position, numbers)

    def _read_ahead(self, last: PreparedBatch, limit: int) -> None:
        """Prepare the next batch while Kafka writes a full one. It is sent only after the commit."""
        if not limit:
            return
        try:
            self._next_batch = self._prepare_batch(last.position, last.sequences, limit)
        except (EventShopError, DatabaseFailure) as error:
            # The batch in flight is valid. The next call of `publish_batch` raises this error again.
            log.debug("the next batch was not read ahead: %s", error)

    def _confirmed_position(self) -> int:
        """The position up to which Kafka is recorded to have confirmed all events."""
        return RelayCheckpoint.objects.filter(topic=self.topic).values_list("position", flat=True).first() or 0

    def _refuse_data_loss(self, end: TopicEnd, confirmed: int) -> None:
        """Raise `RelayStopped` if Kafka ends before a position that it has confirmed."""
        if end.position < confirmed:
            raise RelayStopped(
                f"{self.topic} ends at position {end.position}, but position {confirmed} was confirmed: Kafka "
                "lost events or was replaced. Investigate; then run create_topics --forget "
                f"{self.topic} to let the relay continue from what Kafka has",
                topic=self.topic,
            )

    def _find_lost_events(self, end: TopicEnd) -> list[EventRow]:
        """The events after the end of their partition but before the end of the topic."""
        lost, after = list[EventRow](), max(end.position - LOST_EVENT_WINDOW, min(end.positions))
        while after < end.position:
            rows = backend().select_events(
                "WHERE position > %s AND position <= %s ORDER BY position LIMIT %s", (after, end.position, BATCH_SIZE)
            )
            lost += (row for row in rows if row.position > end.positions[partition_for(row.aggregate_id)])
            after = rows[-1].position if rows else end.position
        return lost

    def _resend(self, lost: Sequence[EventRow]) -> None:
        """Send the events that Kafka lost, each after the last event that its partition still has."""
        for start in range(0, len(lost), BATCH_SIZE):
            rows = lost[start : start + BATCH_SIZE]
            log.error("Kafka has lost %s events from position %s on: sent again", len(rows), rows[0].position)
            batch = self._encode_batch(rows, self.position, self.sequences)
            self.producer.publish(batch.records, len(batch.records))
            self.sequences = batch.sequences

    def _save_checkpoint(self, *, force: bool = False) -> None:
        """Renew the lease and record the position, once per interval; raises `LeadershipLost`."""
        if force or monotonic() >= self._saved_at + leader_election.RENEW_INTERVAL_S:
            moved = {"moved_at": timezone.now()} if self.position != self._saved_position else {}
            renew_leadership(self.topic, self.owner, topic_id=self.topic_id, position=self.position, **moved)
            self._saved_position, self._saved_at = self.position, monotonic()


def _record_position(record: Any) -> int:
    return record_numbers(record).position


def run_relay(stop: Signal) -> None:
    """Publish until `stop` is set. Raises `RelayStopped` and `TopicRefused`, which need an operator."""
    leader_election.run_leader(EventRelay, stop)
