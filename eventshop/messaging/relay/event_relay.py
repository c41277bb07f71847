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

from eventshop.core.deterministic_ids import this_process
from eventshop.core.errors import EventShopError, TailBusy
from eventshop.eventstore.backends.protocol import engine
from eventshop.eventstore.records import Row
from eventshop.eventstore.tail_reader import Tail
from eventshop.messaging.kafka import hanging_transactions, topics
from eventshop.messaging.kafka.event_records import number, partition_of, written
from eventshop.messaging.kafka.topic_end import Tail as KafkaTail
from eventshop.messaging.kafka.topic_end import tail_of
from eventshop.messaging.kafka.transactional_producer import Sending, Transactions
from eventshop.messaging.models import RelayCheckpoint
from eventshop.messaging.relay import leader_election
from eventshop.messaging.relay.leader_election import NeedsAPerson, keep_lead
from eventshop.runtime.fault_injection import point
from eventshop.runtime.watchdog import Watchdog

log = logging.getLogger(__name__)

#: Events in one Kafka transaction.
BATCH: Final = 1_000
#: Events before the end of the topic of which each is looked for, when a relay takes over.
LOOK_BACK: Final = 10_000


class RelayStopped(NeedsAPerson):
    """The relay stops until somebody has looked."""

    code = "relay-stopped"


class Ready(NamedTuple):
    """Some events as records, and where the relay is once they are in Kafka."""

    records: list[Sending]
    position: int
    sequences: list[int]


class Relay:
    """One leader's life, from taking over to the first thing that goes wrong."""

    longest_idle_s = 0.02

    def __init__(self, watchdog: Watchdog) -> None:
        self.topic = topics.event_store()
        self.owner = this_process()
        self.source = Tail()
        self.transactions = Transactions("relay", f"eventshop-relay-{self.topic}", watchdog)
        self.position = 0
        self.sequences: list[int] = []
        self.topic_id: UUID | None = None
        self._unshown: hanging_transactions.Unshown | None = None
        self._ahead: Ready | None = None  # behind what was published last
        self._noted = -1
        self._noted_at = 0.0

    def take_over(self) -> None:
        """Fence the predecessor, then find out what is in Kafka. In this order: a zombie's commit cannot come later.

        Raises `RelayStopped` when Kafka holds less than was once confirmed, `TopicRefused`, `KafkaAway`.
        """
        there = topics.checked(self.topic)
        self.topic_id = there.topic_id
        self.transactions.open()
        topic = {self.topic: there.partitions}
        confirmed = self._confirmed()
        hanging_transactions.end(self.transactions.transactional_id, topic, numbered=_position, confirmed=confirmed)
        at = tail_of(self.topic, there.partitions, settled=True)
        self._compare(at, confirmed)
        self.position, self.sequences = at.position, at.sequences
        self._send_again(self._lost(at))
        self._unshown = hanging_transactions.Unshown(topic)
        self._note(force=True)
        log.info("relaying to %s from position %s", self.topic, self.position)

    def advance(self, limit: int = BATCH) -> int:
        """Publish the next events in one transaction; how many. Any exception means: discard this relay."""
        try:
            ready = self._ahead or self._read(self.position, self.sequences, limit)
        except TailBusy:
            return 0
        self._ahead = None
        if ready.records:
            full = len(ready.records) >= limit
            self.transactions.publish(
                ready.records, len(ready.records), meanwhile=lambda: self._read_ahead(ready, limit if full else 0)
            )
            point("relay.before-checkpoint")
            self.position, self.sequences = ready.position, ready.sequences
        self._note()
        if self._unshown:
            self._unshown.look()
        return len(ready.records)

    def close(self) -> None:
        if self._unshown:
            self._unshown.close()
        self.transactions.close()

    def _read(self, position: int, sequences: Sequence[int], limit: int) -> Ready:
        """The next events as records, their commands' receipts with them; counts each partition's events on."""
        rows = self.source.read(position, limit)
        return self._written(rows, rows[-1].position if rows else position, sequences)

    def _written(self, rows: Sequence[Row], position: int, sequences: Sequence[int]) -> Ready:
        receipts = {it.position: it for it in engine().receipts(list({row.command_id for row in rows}))} if rows else {}
        counted, records = list(sequences), list[Sending]()
        for row in rows:
            partition = partition_of(row.aggregate_id)
            counted[partition] += 1
            record = written(row, partition, counted[partition], receipts.get(row.position))
            timestamp_ms = int(row.recorded_at.timestamp() * 1000)
            records.append(Sending(self.topic, partition, record.key, record.value, record.headers, timestamp_ms))
        return Ready(records, position, counted)

    def _read_ahead(self, last: Ready, limit: int) -> None:
        """While Kafka writes a full batch, make the next one ready: there is more. It is sent only after a commit."""
        if not limit:
            return
        try:
            self._ahead = self._read(last.position, last.sequences, limit)
        except (EventShopError, DatabaseFailure) as later:
            # What is on its way is sound; whatever is wrong with the rest is met again when it is its turn.
            log.debug("not read ahead: %s", later)

    def _confirmed(self) -> int:
        """The position up to which Kafka has confirmed everything, as far as that was noted."""
        return RelayCheckpoint.objects.filter(topic=self.topic).values_list("position", flat=True).first() or 0

    def _compare(self, at: KafkaTail, confirmed: int) -> None:
        """Kafka behind what it once confirmed has lost data, or is another Kafka."""
        if at.position < confirmed:
            raise RelayStopped(
                f"{self.topic} ends at position {at.position}, but position {confirmed} was confirmed: Kafka "
                f"lost events or was replaced. After looking, create_topics --forget {self.topic} lets the relay go on "
                "from what Kafka has",
                topic=self.topic,
            )

    def _lost(self, at: KafkaTail) -> list[Row]:
        """Events behind the end of their partition, although the topic goes on."""
        lost, after = list[Row](), max(at.position - LOOK_BACK, min(at.positions))
        while after < at.position:
            rows = engine().select(
                "WHERE position > %s AND position <= %s ORDER BY position LIMIT %s", (after, at.position, BATCH)
            )
            lost += (row for row in rows if row.position > at.positions[partition_of(row.aggregate_id)])
            after = rows[-1].position if rows else at.position
        return lost

    def _send_again(self, lost: Sequence[Row]) -> None:
        """Send what Kafka lost, each event behind the last one that its partition still has."""
        for start in range(0, len(lost), BATCH):
            rows = lost[start : start + BATCH]
            log.error("Kafka has lost %s events from position %s on: sent again", len(rows), rows[0].position)
            ready = self._written(rows, self.position, self.sequences)
            self.transactions.publish(ready.records, len(ready.records))
            self.sequences = ready.sequences

    def _note(self, *, force: bool = False) -> None:
        """Keep the lead and write down how far Kafka is, now and then; raises `LeadLost` when another one leads."""
        if force or monotonic() >= self._noted_at + leader_election.RENEW_EVERY_S:
            moved = {"moved_at": timezone.now()} if self.position != self._noted else {}
            keep_lead(self.topic, self.owner, topic_id=self.topic_id, position=self.position, **moved)
            self._noted, self._noted_at = self.position, monotonic()


def _position(record: Any) -> int:
    return number(record.headers, "position")


def run(stop: Signal) -> None:
    """Relay until told to stop. Raises `RelayStopped` and `TopicRefused`: those need a person."""
    leader_election.run(Relay, stop)
