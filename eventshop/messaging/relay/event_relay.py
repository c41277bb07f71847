"""From the event table to the topic `event-store`, each event exactly once, through any crash (mechanics 1.2 and 4).

One leads at a time (`leading.py`). Where to go on is what Kafka itself holds: the highest position on the topic.
Whatever goes wrong, the producer is thrown away and everything is read again; nothing is resumed from memory.

Kafka decides a transaction once and for all, but brokers that die can forget it in some partitions: they do not end it
(`hanging.py`), or lose it. Taking over, the relay ends what hangs, and sends again what a partition lacks of the last
`LOOK_BACK` events that others hold. Otherwise it would count that partition on from a lower number, and no reader could
see the hole.
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

from eventshop.core.deterministic_ids import process_name
from eventshop.core.errors import EventShopError, TailBusy
from eventshop.eventstore.backends.protocol import backend
from eventshop.eventstore.records import EventRow
from eventshop.eventstore.tail_reader import TailReader
from eventshop.messaging.kafka import hanging_transactions, topics
from eventshop.messaging.kafka.event_records import encode_event, partition_for, read_int_header
from eventshop.messaging.kafka.topic_end import TopicEnd as KafkaTail
from eventshop.messaging.kafka.topic_end import read_topic_end
from eventshop.messaging.kafka.transactional_producer import ProducerRecord, TransactionalProducer
from eventshop.messaging.models import RelayCheckpoint
from eventshop.messaging.relay import leader_election
from eventshop.messaging.relay.leader_election import ManualInterventionRequired, renew_leadership
from eventshop.runtime.fault_injection import crash_point
from eventshop.runtime.watchdog import Watchdog

log = logging.getLogger(__name__)

#: Events in one Kafka transaction.
BATCH_SIZE: Final = 1_000
#: Events before the end of the topic of which each is looked for, when a relay takes over.
LOST_EVENT_WINDOW: Final = 10_000


class RelayStopped(ManualInterventionRequired):
    """The relay stops until somebody has looked."""

    code = "relay-stopped"


class PreparedBatch(NamedTuple):
    """Some events as records, and where the relay is once they are in Kafka."""

    records: list[ProducerRecord]
    position: int
    sequences: list[int]


class EventRelay:
    """One leader's life, from taking over to the first thing that goes wrong."""

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
        self._next_batch: PreparedBatch | None = None  # behind what was published last
        self._saved_position = -1
        self._saved_at = 0.0

    def take_over(self) -> None:
        """Fence the predecessor, then find out what is in Kafka. In this order: a zombie's commit cannot come later.

        Raises `RelayStopped` when Kafka holds less than was once confirmed, `TopicRefused`, `KafkaAway`.
        """
        there = topics.require_topic(self.topic)
        self.topic_id = there.topic_id
        self.producer.open()
        topic = {self.topic: there.partitions}
        confirmed = self._confirmed_position()
        hanging_transactions.end_hanging_transactions(
            self.producer.transactional_id, topic, position_of=_record_position, confirmed=confirmed
        )
        at = read_topic_end(self.topic, there.partitions, await_open_transactions=True)
        self._refuse_data_loss(at, confirmed)
        self.position, self.sequences = at.position, at.sequences
        self._resend(self._find_lost_events(at))
        self._visibility_monitor = hanging_transactions.StalledVisibilityMonitor(topic)
        self._save_checkpoint(force=True)
        log.info("relaying to %s from position %s", self.topic, self.position)

    def publish_batch(self, limit: int = BATCH_SIZE) -> int:
        """Publish the next events in one transaction; how many. Any exception means: discard this relay."""
        try:
            ready = self._next_batch or self._prepare_batch(self.position, self.sequences, limit)
        except TailBusy:
            return 0
        self._next_batch = None
        if ready.records:
            full = len(ready.records) >= limit
            self.producer.publish(
                ready.records, len(ready.records), while_in_flight=lambda: self._read_ahead(ready, limit if full else 0)
            )
            crash_point("relay.before-checkpoint")
            self.position, self.sequences = ready.position, ready.sequences
        self._save_checkpoint()
        if self._visibility_monitor:
            self._visibility_monitor.check()
        return len(ready.records)

    def close(self) -> None:
        if self._visibility_monitor:
            self._visibility_monitor.close()
        self.producer.close()

    def _prepare_batch(self, position: int, sequences: Sequence[int], limit: int) -> PreparedBatch:
        """The next events as records, their commands' receipts with them; counts each partition's events on."""
        rows = self.source.read(position, limit)
        return self._encode_batch(rows, rows[-1].position if rows else position, sequences)

    def _encode_batch(self, rows: Sequence[EventRow], position: int, sequences: Sequence[int]) -> PreparedBatch:
        receipts = (
            {it.position: it for it in backend().load_receipts(list({row.command_id for row in rows}))} if rows else {}
        )
        counted, records = list(sequences), list[ProducerRecord]()
        for row in rows:
            partition = partition_for(row.aggregate_id)
            counted[partition] += 1
            record = encode_event(row, partition, counted[partition], receipts.get(row.position))
            timestamp_ms = int(row.recorded_at.timestamp() * 1000)
            records.append(
                ProducerRecord(self.topic, partition, record.key, record.value, record.headers, timestamp_ms)
            )
        return PreparedBatch(records, position, counted)

    def _read_ahead(self, last: PreparedBatch, limit: int) -> None:
        """While Kafka writes a full batch, make the next one ready: there is more. It is sent only after a commit."""
        if not limit:
            return
        try:
            self._next_batch = self._prepare_batch(last.position, last.sequences, limit)
        except (EventShopError, DatabaseFailure) as later:
            # What is on its way is sound; whatever is wrong with the rest is met again when it is its turn.
            log.debug("not read ahead: %s", later)

    def _confirmed_position(self) -> int:
        """The position up to which Kafka has confirmed everything, as far as that was noted."""
        return RelayCheckpoint.objects.filter(topic=self.topic).values_list("position", flat=True).first() or 0

    def _refuse_data_loss(self, at: KafkaTail, confirmed: int) -> None:
        """Kafka behind what it once confirmed has lost data, or is another Kafka."""
        if at.position < confirmed:
            raise RelayStopped(
                f"{self.topic} ends at position {at.position}, but position {confirmed} was confirmed: Kafka "
                f"lost events or was replaced. After looking, create_topics --forget {self.topic} lets the relay go on "
                "from what Kafka has",
                topic=self.topic,
            )

    def _find_lost_events(self, at: KafkaTail) -> list[EventRow]:
        """Events behind the end of their partition, although the topic goes on."""
        lost, after = list[EventRow](), max(at.position - LOST_EVENT_WINDOW, min(at.positions))
        while after < at.position:
            rows = backend().select_events(
                "WHERE position > %s AND position <= %s ORDER BY position LIMIT %s", (after, at.position, BATCH_SIZE)
            )
            lost += (row for row in rows if row.position > at.positions[partition_for(row.aggregate_id)])
            after = rows[-1].position if rows else at.position
        return lost

    def _resend(self, lost: Sequence[EventRow]) -> None:
        """Send what Kafka lost, each event behind the last one that its partition still has."""
        for start in range(0, len(lost), BATCH_SIZE):
            rows = lost[start : start + BATCH_SIZE]
            log.error("Kafka has lost %s events from position %s on: sent again", len(rows), rows[0].position)
            ready = self._encode_batch(rows, self.position, self.sequences)
            self.producer.publish(ready.records, len(ready.records))
            self.sequences = ready.sequences

    def _save_checkpoint(self, *, force: bool = False) -> None:
        """Keep the lead and write down how far Kafka is, now and then; raises `LeadLost` when another one leads."""
        if force or monotonic() >= self._saved_at + leader_election.RENEW_INTERVAL_S:
            moved = {"moved_at": timezone.now()} if self.position != self._saved_position else {}
            renew_leadership(self.topic, self.owner, topic_id=self.topic_id, position=self.position, **moved)
            self._saved_position, self._saved_at = self.position, monotonic()


def _record_position(record: Any) -> int:
    return read_int_header(record.headers, "position")


def run_relay(stop: Signal) -> None:
    """Relay until told to stop. Raises `RelayStopped` and `TopicRefused`: those need a person."""
    leader_election.run_leader(EventRelay, stop)
