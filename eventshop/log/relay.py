"""From the event table to the topic `event-store`, each event exactly once, through any crash (mechanics 1.2 and 4).

One leader at a time: a lease in PostgreSQL keeps others waiting, Kafka's producer epoch makes sure. Where to go on is
what Kafka itself holds: the highest position on the topic. Whatever goes wrong, the producer is thrown away and
everything is read again; nothing is resumed from memory.
"""

from __future__ import annotations

import logging
import os
import random
import socket
from collections.abc import Sequence
from datetime import timedelta
from threading import Event as Signal
from time import monotonic
from typing import Any, Final
from uuid import UUID

from django.db import connections
from django.db.models import Q
from django.utils import timezone

from eventshop.core.errors import EventShopError, TailBusy
from eventshop.log import kafka, topics
from eventshop.log.crash import during, point
from eventshop.log.kafka_tail import Tail as KafkaTail
from eventshop.log.kafka_tail import tail_of
from eventshop.log.models import RelayCheckpoint
from eventshop.log.records import partition_of, written
from eventshop.log.watchdog import Watchdog
from eventshop.store.rows import Row
from eventshop.store.tail import Tail

log = logging.getLogger(__name__)

#: Events in one Kafka transaction.
BATCH: Final = 1_000
#: commit_transaction() has no timeout of its own and may hang for ever with the broker gone: then this process ends.
DEADLINE_S: Final = 30.0
#: How long a leader that died, or stopped, keeps others from taking over.
LEASE: Final = timedelta(seconds=3)
NOTE_EVERY_S: Final = 1.0
IDLE_S: Final = 0.02


class RelayStopped(EventShopError):
    """The relay stops until somebody has looked."""

    code = "relay-stopped"


class LeadLost(EventShopError):
    """Another relay leads now."""

    code = "lead-lost"


class Relay:
    """One leader's life, from taking over to the first thing that goes wrong."""

    def __init__(self, watchdog: Watchdog) -> None:
        self.watchdog = watchdog
        self.topic = topics.event_store()
        self.owner = f"{socket.gethostname()}:{os.getpid()}"
        self.source = Tail()
        self.producer: Any = None
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
        self.producer = kafka.producer(f"eventshop-relay-{self.topic}")
        with self.watchdog.within(DEADLINE_S, "init_transactions"):
            self.producer.init_transactions()
        at = tail_of(self.topic, there.partitions)
        self._compare(at)
        self.position, self.sequences = at.position, at.sequences
        self._note(force=True)
        log.info("relaying to %s from position %s", self.topic, self.position)

    def relay(self, limit: int = BATCH) -> int:
        """Publish the next events in one transaction; how many. Any exception means: discard this relay."""
        try:
            rows = self.source.read(self.position, limit)
        except TailBusy:
            return 0
        if not rows:
            self._note()
            return 0
        self._publish(rows)
        point("relay.before-checkpoint")
        self.position = rows[-1].position
        self._note()
        return len(rows)

    def _publish(self, rows: Sequence[Row]) -> None:
        sequences = list(self.sequences)
        point("relay.before-send")
        with self.watchdog.within(DEADLINE_S, "a transaction"):
            self.producer.begin_transaction()
            sent = []
            for number, row in enumerate(rows):
                if number == len(rows) // 2:
                    point("relay.mid-send")
                partition = partition_of(row.aggregate_id)
                sequences[partition] += 1
                record = written(row, partition, sequences[partition])
                sent.append(
                    self.producer.send(
                        self.topic,
                        value=record.value,
                        key=record.key,
                        headers=record.headers,
                        partition=partition,
                        timestamp_ms=int(row.recorded_at.timestamp() * 1000),
                    )
                )
            self.producer.flush(timeout=DEADLINE_S / 2)
            # kafka-python commits a transaction although a record in it failed: each future has to be asked.
            for future in sent:
                future.get(timeout=0.001)
            point("relay.before-commit")
            with during("relay.during-commit"):
                self.producer.commit_transaction()
        self.sequences = sequences

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
        """Keep the lease and write down how far Kafka is, now and then; raises `LeadLost` when another one leads."""
        if force or monotonic() >= self._noted_at + NOTE_EVERY_S:
            now = timezone.now()
            moved = {"moved_at": now} if self.position != self._noted else {}
            kept = RelayCheckpoint.objects.filter(topic=self.topic, owner=self.owner).update(
                topic_id=self.topic_id, position=self.position, leased_until=now + LEASE, **moved
            )
            if not kept:
                raise LeadLost(owner=self.owner)
            self._noted, self._noted_at = self.position, monotonic()

    def close(self) -> None:
        """Throw the producer away; an open transaction is aborted so that readers need not wait for its timeout."""
        if self.producer is None:
            return
        try:
            with self.watchdog.within(DEADLINE_S, "abort_transaction"):
                self.producer.abort_transaction()
        except Exception as error:  # in most states it may not be aborted: then there is nothing to abort
            log.debug("no transaction to abort: %s", error)
        self.producer.close(timeout=0)
        self.producer = None


def run(stop: Signal) -> None:
    """Relay until told to stop: wait for the lead, take over, publish; after any failure begin again from Kafka's tail.

    Raises `RelayStopped` and `TopicRefused`: those need a person.
    """
    watchdog = Watchdog()
    failures = 0
    while not stop.is_set():
        relay = Relay(watchdog)
        try:
            if not take_lead(relay.topic, relay.owner):
                stop.wait(1.0)
                continue
            relay.take_over()
            failures = 0
            _lead(relay, stop)
            give_up_lead(relay.topic, relay.owner)
        except (RelayStopped, topics.TopicRefused):
            raise
        except Exception as error:  # of Kafka or of the database: the same answer to all of them
            failures += 1
            log.warning("relay begins again: %s", error, exc_info=not isinstance(error, kafka.KafkaAway))
            stop.wait(min(10.0, 0.1 * 2**failures) * random.uniform(0.5, 1))  # noqa: S311
        finally:
            relay.close()
            connections.close_all()
    watchdog.close()


def _lead(relay: Relay, stop: Signal) -> None:
    idle = 0.001
    while not stop.is_set():
        if relay.relay():
            idle = 0.001
        else:
            stop.wait(idle)
            idle = min(IDLE_S, idle * 1.5)


def take_lead(topic: str, owner: str) -> bool:
    """Whether this process may lead now. It only prevents churn: what keeps events single is Kafka's epoch."""
    now = timezone.now()
    RelayCheckpoint.objects.get_or_create(topic=topic)
    free = Q(owner="") | Q(owner=owner) | Q(leased_until=None) | Q(leased_until__lt=now)
    taken = RelayCheckpoint.objects.filter(free, topic=topic).update(owner=owner, leased_until=now + LEASE)
    return bool(taken)


def give_up_lead(topic: str, owner: str) -> None:
    """Let another one lead at once."""
    RelayCheckpoint.objects.filter(topic=topic, owner=owner).update(owner="", leased_until=None)
