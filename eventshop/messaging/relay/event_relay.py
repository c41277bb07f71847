"""Publishes the event table to the topic `event-store`, each event exactly once, through any crash.

One process leads at a time (`leader_election.py`). It resumes after the highest position on the topic itself. After any
error it discards the producer and reads that position again; it never resumes from memory.

Kafka decides a transaction once, but brokers that die can fail to end it in some partitions (`hanging_transactions.py`)
or lose it there. A relay that takes over therefore compares the ends of the topic with the event table
(`reconciliation/divergence.py`), ends hanging transactions, and sends again the events among the last
`LOST_EVENT_WINDOW` that a partition lacks. Otherwise it would number that partition from a lower number, and no reader
could detect the gap.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import timedelta
from threading import Event as Signal
from time import monotonic
from typing import Any, Final
from uuid import UUID

from django.db import Error as DatabaseFailure
from django.utils import timezone

from eventshop.core.errors import EventShopError, TailBusy
from eventshop.eventstore import store_epochs
from eventshop.eventstore.backends.protocol import backend
from eventshop.eventstore.models import StoreEpoch
from eventshop.eventstore.records import EventRow, traceparent_of
from eventshop.eventstore.store_epochs import Divergence
from eventshop.eventstore.tail_reader import TailReader
from eventshop.messaging.kafka import clients, hanging_transactions, publish_faults, topics
from eventshop.messaging.kafka.event_records import partition_for, record_numbers
from eventshop.messaging.kafka.store_epoch_records import encode_epoch, read_published_epoch
from eventshop.messaging.kafka.topic_differences import ExistingTopic
from eventshop.messaging.kafka.topic_end import TopicEnd, read_topic_end
from eventshop.messaging.kafka.transactional_producer import TransactionalProducer
from eventshop.messaging.models import RelayCheckpoint
from eventshop.messaging.reconciliation import divergence
from eventshop.messaging.relay import leader_election
from eventshop.messaging.relay.batch_limit import BatchLimit
from eventshop.messaging.relay.event_batches import PreparedBatch, RelayStopped, encode_batch, event_refused
from eventshop.messaging.relay.leader_election import renew_leadership
from eventshop.runtime import tracing
from eventshop.runtime.backoff import Backoff
from eventshop.runtime.fault_injection import crash_point
from eventshop.runtime.process_name import process_name
from eventshop.runtime.wake_signals import Channel, poll_interval_s
from eventshop.runtime.watchdog import Watchdog

log = logging.getLogger(__name__)

#: Events in one Kafka transaction, and bytes of records, before compression.
BATCH_SIZE: Final = 1_000
BATCH_BYTES: Final = 8_000_000
#: The delays after the fence timed out while it waited for writers.
BUSY_BACKOFF: Final = Backoff(timedelta(milliseconds=1), timedelta(milliseconds=50))
#: Events before the end of the topic that a relay checks one by one when it takes over.
LOST_EVENT_WINDOW: Final = 10_000


class EventRelay:
    """One term of a leading relay, from taking over to its first error."""

    channel = Channel.EVENTS

    def __init__(self, watchdog: Watchdog, limit: BatchLimit | None = None) -> None:
        self.topic = topics.event_store_topic()
        self.owner = process_name()
        self.source = TailReader()
        self.producer = TransactionalProducer("relay", f"eventshop-relay-{self.topic}", watchdog)
        self.limit = limit or BatchLimit(BATCH_SIZE, BATCH_BYTES)
        self.position = 0
        self.sequences: list[int] = []
        self.has_more = False
        self.topic_id: UUID | None = None
        self._visibility_monitor: hanging_transactions.StalledVisibilityMonitor | None = None
        self._next_batch: PreparedBatch | None = None  # follows the batch published last
        self._last_event: EventRow | None = None  # that was published
        self._last_event_check = divergence.LastEventCheck()
        self._new_epoch: StoreEpoch | None = None  # to be published with the next events
        self._deleted_records = 0
        self._saved_position = -1
        self._saved_at = 0.0
        self._busy_count = 0

    def take_over(self) -> None:
        """Fence the previous leader, then read what is in Kafka: in this order, it cannot commit anything afterwards.

        Raises `RelayStopped` when the event table and Kafka differ, `TopicRefused`, `KafkaUnavailable`.
        """
        confirmed = self._confirmed_position()
        found = self._require_topics(confirmed)
        topic = found[self.topic]
        self.topic_id = topic.topic_id
        self.producer.open()
        partitions = {name: each.partitions for name, each in found.items()}
        hanging_transactions.end_hanging_transactions(
            self.producer.transactional_id, partitions, position_of=_record_position, confirmed=confirmed
        )
        end = read_topic_end(self.topic, topic.partitions, await_open_transactions=True)
        self._refuse_divergence(end, confirmed)
        self.position, self.sequences = end.position, end.sequences
        self._visibility_monitor = hanging_transactions.StalledVisibilityMonitor(partitions)
        self.producer.expect_offsets(self._visibility_monitor.end_offsets())
        self._deleted_records = self._visibility_monitor.count_deleted(self.topic)
        self._resend(self._find_lost_events(end))
        self._save_checkpoint(force=True)
        store_epochs.clear_divergence()
        log.info("relaying to %s from position %s", self.topic, self.position)

    def publish_batch(self, limit: int | None = None) -> int:
        """Publish the next events in one transaction; return their number. After any exception, discard this relay.

        Raises `RelayStopped` for an event that Kafka refuses or that does not fit its schema, `DivergenceSuspected`.
        """
        if self._last_event_check.is_due():
            self._check_last_event()
        limit, self.has_more = limit or self.limit.records, False
        try:
            batch = self._next_batch or self._prepare_batch(self.position, self.sequences, limit)
        except TailBusy:
            self._busy_count += 1
            return 0
        self._next_batch, self._busy_count = None, 0
        if batch.records:
            self._send(batch, limit)
            crash_point("relay.before-checkpoint")
            self.position, self.sequences, self._last_event = batch.position, batch.sequences, batch.rows[-1]
            self.limit.grow(self.position)
            self.has_more = batch.is_full
        self._save_checkpoint()
        if self._visibility_monitor:
            self._visibility_monitor.check(self.position)
        return len(batch.records)

    def wait_s(self) -> float:
        return BUSY_BACKOFF.delay_s(self._busy_count) if self._busy_count else poll_interval_s()

    def linger_s(self, published: int) -> float:
        return 0.0  # read models wait for the events

    def close(self) -> None:
        if self._visibility_monitor:
            self._visibility_monitor.close()
        self.producer.close()

    def _send(self, batch: PreparedBatch, limit: int) -> None:
        records = batch.records
        if self._new_epoch:
            records = [*records, encode_epoch(self._new_epoch, batch.position)]
        try:
            with tracing.span("publish", self.topic, kind="producer", causes=map(traceparent_of, batch.rows)):
                self.producer.publish(records, while_in_flight=lambda: self._read_ahead(batch, limit))
        except clients.KafkaError as error:
            if self.limit.shrink(error, len(batch.rows), batch.position):
                size = len(batch.records[0].value or b"")
                raise event_refused(batch.rows[0], f"{publish_faults.advise(error)} ({size} bytes)") from error
            raise
        self._new_epoch = None

    def _check_last_event(self) -> None:
        """Raise `DivergenceSuspected` if the table or Kafka lost what was published; the next term finds out which."""
        if self._last_event:
            self._last_event_check.compare(self._last_event)
        if self._visibility_monitor and (lost := self._visibility_monitor.shrunk_partitions()):
            raise divergence.DivergenceSuspected(f"Kafka ends earlier than before in {len(lost)} partitions: {lost[0]}")
        if self._visibility_monitor:
            self._deleted_records = self._visibility_monitor.count_deleted(self.topic)

    def _prepare_batch(self, position: int, sequences: Sequence[int], limit: int) -> PreparedBatch:
        """Read and encode the next events, with their commands' receipts; continue each partition's numbers."""
        return self._encode_batch(self.source.read(position, limit), position, sequences, limit)

    def _encode_batch(
        self, rows: Sequence[EventRow], position: int, sequences: Sequence[int], limit: int
    ) -> PreparedBatch:
        return encode_batch(
            rows, topic=self.topic, after=position, sequences=sequences, most_records=limit, most_bytes=self.limit.bytes
        )

    def _read_ahead(self, last: PreparedBatch, limit: int) -> None:
        """Prepare the next batch while Kafka writes a full one. It is sent only after the commit."""
        if not last.is_full:
            return
        try:
            self._next_batch = self._prepare_batch(last.position, last.sequences, limit)
        except (EventShopError, DatabaseFailure) as error:
            # The batch in flight is valid. The next call of `publish_batch` raises this error again.
            log.debug("the next batch was not read ahead: %s", error)

    def _confirmed_position(self) -> int:
        """The position up to which Kafka is recorded to have confirmed all events."""
        return RelayCheckpoint.objects.filter(topic=self.topic).values_list("position", flat=True).first() or 0

    def _require_topics(self, confirmed: int) -> dict[str, ExistingTopic]:
        """The topics that a relay writes. Raises `TopicRefused`; one that is gone or was made anew is recorded."""
        try:
            return topics.require_topics(self.topic, topics.store_epochs_topic())
        except topics.TopicRefused as refusal:
            if confirmed and refusal.data["topic"] == self.topic:
                store_epochs.record_divergence(Divergence.TOPIC_ANEW, str(refusal))
            raise

    def _refuse_divergence(self, end: TopicEnd, confirmed: int) -> None:
        """Raise `RelayStopped` if the event table and Kafka differ; what was found is recorded for all processes."""
        published = read_published_epoch()
        finding = divergence.find_divergence(self.topic, end, confirmed=confirmed, published=published)
        if finding:
            store_epochs.record_divergence(*finding)
            raise RelayStopped(finding.reason, topic=self.topic)
        epoch = store_epochs.current_epoch()
        if published is None or published.epoch_id != epoch.epoch_id:
            self._new_epoch = epoch
        self._last_event = max(end.events, key=lambda event: event.position, default=None)

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
        while lost:
            rows = lost[: self.limit.records]
            batch = self._encode_batch(rows, self.position, self.sequences, len(rows))
            log.error("Kafka has lost %s events from position %s on: sent again", len(batch.rows), rows[0].position)
            self._send(batch._replace(is_full=False), len(rows))
            self.sequences, lost = batch.sequences, lost[len(batch.rows) :]

    def _save_checkpoint(self, *, force: bool = False) -> None:
        """Renew the lease and record the position, once per interval; raises `LeadershipLost`."""
        if force or monotonic() >= self._saved_at + leader_election.RENEW_INTERVAL_S:
            moved = {"moved_at": timezone.now()} if self.position != self._saved_position else {}
            renew_leadership(
                self.topic,
                self.owner,
                topic_id=self.topic_id,
                position=self.position,
                deleted_records=self._deleted_records,
                **moved,
            )
            self._saved_position, self._saved_at = self.position, monotonic()


def _record_position(record: Any) -> int:
    return record_numbers(record).position


def run_relay(stop: Signal) -> None:
    """Publish until `stop` is set."""
    limit = BatchLimit(BATCH_SIZE, BATCH_BYTES)
    leader_election.run_leader(lambda watchdog: EventRelay(watchdog, limit), stop)
