"""From the event table to the topic `event-store`, each event exactly once, through any crash (mechanics 1.2 and 4).

One leads at a time (`leading.py`). Where to go on is what Kafka itself holds: the highest position on the topic.
Whatever goes wrong, the producer is thrown away and everything is read again; nothing is resumed from memory.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from threading import Event as Signal
from time import monotonic
from typing import Final
from uuid import UUID

from django.utils import timezone

from eventshop.core.errors import TailBusy
from eventshop.log import leading, topics
from eventshop.log.crash import point
from eventshop.log.kafka_tail import Tail as KafkaTail
from eventshop.log.kafka_tail import tail_of
from eventshop.log.leading import NeedsAPerson, keep_lead
from eventshop.log.models import RelayCheckpoint
from eventshop.log.records import partition_of, written
from eventshop.log.transactions import Sending, Transactions
from eventshop.log.watchdog import Watchdog
from eventshop.store.rows import Row
from eventshop.store.tail import Tail

log = logging.getLogger(__name__)

#: Events in one Kafka transaction.
BATCH: Final = 1_000


class RelayStopped(NeedsAPerson):
    """The relay stops until somebody has looked."""

    code = "relay-stopped"


class Relay:
    """One leader's life, from taking over to the first thing that goes wrong."""

    longest_idle_s = 0.02

    def __init__(self, watchdog: Watchdog) -> None:
        self.topic = topics.event_store()
        self.owner = leading.this_process()
        self.source = Tail()
        self.transactions = Transactions("relay", f"eventshop-relay-{self.topic}", watchdog)
        self.position = 0
        self.sequences: list[int] = []
        self.topic_id: UUID | None = None
        self._noted = -1
        self._noted_at = 0.0

    def take_over(self) -> None:
        """Fence the predecessor, then find out what is in Kafka. In this order: a zombie's commit cannot come later.

        Raises `RelayStopped` when Kafka holds less than was once confirmed, `TopicRefused`, `KafkaAway`.
        """
        there = topics.checked(self.topic)
        self.topic_id = there.topic_id
        self.transactions.open()
        at = tail_of(self.topic, there.partitions)
        self._compare(at)
        self.position, self.sequences = at.position, at.sequences
        self._note(force=True)
        log.info("relaying to %s from position %s", self.topic, self.position)

    def advance(self, limit: int = BATCH) -> int:
        """Publish the next events in one transaction; how many. Any exception means: discard this relay."""
        try:
            rows = self.source.read(self.position, limit)
        except TailBusy:
            return 0
        if rows:
            sequences = list(self.sequences)
            self.transactions.publish(self._records(rows, sequences), len(rows))
            point("relay.before-checkpoint")
            self.position, self.sequences = rows[-1].position, sequences
        self._note()
        return len(rows)

    def close(self) -> None:
        self.transactions.close()

    def _records(self, rows: Sequence[Row], sequences: list[int]) -> Iterator[Sending]:
        """The records of some events; counts each partition's events on."""
        for row in rows:
            partition = partition_of(row.aggregate_id)
            sequences[partition] += 1
            record = written(row, partition, sequences[partition])
            timestamp_ms = int(row.recorded_at.timestamp() * 1000)
            yield Sending(self.topic, partition, record.key, record.value, record.headers, timestamp_ms)

    def _compare(self, at: KafkaTail) -> None:
        """Kafka behind what it once confirmed has lost data, or is another Kafka."""
        noted = RelayCheckpoint.objects.filter(topic=self.topic).first()
        if noted is not None and at.position < noted.position:
            raise RelayStopped(
                f"{self.topic} ends at position {at.position}, but position {noted.position} was confirmed: Kafka "
                f"lost events or was replaced. After looking, create_topics --forget {self.topic} lets the relay go on "
                "from what Kafka has",
                topic=self.topic,
            )

    def _note(self, *, force: bool = False) -> None:
        """Keep the lead and write down how far Kafka is, now and then; raises `LeadLost` when another one leads."""
        if force or monotonic() >= self._noted_at + leading.RENEW_EVERY_S:
            moved = {"moved_at": timezone.now()} if self.position != self._noted else {}
            keep_lead(self.topic, self.owner, topic_id=self.topic_id, position=self.position, **moved)
            self._noted, self._noted_at = self.position, monotonic()


def run(stop: Signal) -> None:
    """Relay until told to stop. Raises `RelayStopped` and `TopicRefused`: those need a person."""
    leading.run(Relay, stop)
