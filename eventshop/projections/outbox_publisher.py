"""From the outbox to Kafka: each record exactly once and in order per key, through any crash (mechanics 1.2 and 4).

As the relay does it: one leader, fenced by Kafka's producer epoch; records in the order of their positions, read behind
the fence that lets no position appear late; all of a batch in one transaction over all topics.

Where to go on cannot be asked of the topics themselves: they keep records for seven days, and a quiet one is empty
again. So every transaction also writes one record to the topic `outgoing-positions`, which compaction never empties:
how far this outbox is published, true exactly if the transaction is. A new leader first fences its predecessor, then
reads that one record, and goes on behind it. Kill the process anywhere: before the commit the record is the old one and
the whole batch is sent again, none of which anybody saw; after the commit it is the new one and nothing is. Rows are
deleted from the outbox behind a confirmed commit only, so what must be sent again is always still there.

Three things more could go wrong, and each is looked at before anything is sent:

- The workers' commits are answered before they are on disk (`batch.py`). Before a batch is sent a commit of our own is
  made durable, and with it everything that was read: a database that crashes then cannot forget what Kafka has, and
  give a position out twice.
- An outbox of another database, as after a restore into an empty one, counts its positions anew. The record names the
  outbox it speaks of; one of another outbox says nothing about ours.
- Kafka that holds less than was confirmed, or more than the database ever wrote, is not the Kafka, or the database,
  that we knew: then nothing is sent until somebody has looked.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from datetime import datetime
from threading import Event as Signal
from time import monotonic
from typing import Any, Final, NamedTuple
from uuid import UUID
from zlib import crc32

import msgspec
import psycopg
from django.db import DatabaseError, connection, transaction

from eventshop.core.deterministic_ids import process_name
from eventshop.core.errors import TailBusy
from eventshop.messaging.kafka import hanging_transactions, topics
from eventshop.messaging.kafka.event_records import read_int_header
from eventshop.messaging.kafka.topic_end import read_last_records
from eventshop.messaging.kafka.transactional_producer import ProducerRecord, TransactionalProducer
from eventshop.messaging.models import KnownTopic, RelayCheckpoint
from eventshop.messaging.relay import leader_election
from eventshop.messaging.relay.leader_election import ManualInterventionRequired
from eventshop.projections.models import OutboxRecord
from eventshop.projections.projection import projection_registry
from eventshop.runtime.fault_injection import crash_point
from eventshop.runtime.watchdog import Watchdog

log = logging.getLogger(__name__)

#: Records, and bytes of values, in one Kafka transaction.
BATCH: Final = 1_000
MOST_BYTES: Final = 8_000_000
#: The longest wait after writers did not let the fence in: while it waits for them, they queue behind it.
LONGEST_BUSY_S: Final = 2.0

_KEY: Final = b"outgoing-position"
_OF_A_ROW: Final = [("content-type", b"application/json")]


class PublishedPosition(msgspec.Struct, frozen=True):
    """What the record on `outgoing-positions` says: how far which outbox is published."""

    outbox: UUID
    position: int


class _Row(NamedTuple):
    position: int
    topic: str
    key: str
    value: bytes | None
    headers: str
    created_at: datetime


class OutboxPublisher:
    """One leader's life, from taking over to the first thing that goes wrong."""

    max_idle_s = 0.2

    def __init__(self, watchdog: Watchdog) -> None:
        self.topic = topics.outbox_positions_topic()
        self.owner = process_name()
        self.transactions = TransactionalProducer("publish", f"eventshop-publish-{self.topic}", watchdog)
        self._unshown: hanging_transactions.StalledVisibilityMonitor | None = None
        self.outbox = UUID(int=0)
        self.position = 0
        self._horizon = 0
        self._deleted = 0
        self._noted_at = 0.0
        self._busy = 0
        self._fence_at = 0.0
        self._topics: dict[str, tuple[str, int]] = {}

    def take_over(self) -> None:
        """Fence the predecessor, then find out how far it came. In this order: a zombie's commit cannot come later.

        Raises `NeedsAPerson`, `TopicRefused`, `KafkaAway`.
        """
        there = topics.require_topic(self.topic)
        self.transactions.open()
        checkpoint = RelayCheckpoint.objects.get(topic=self.topic)
        self.outbox = checkpoint.source_id
        all_of_them = _partitions()
        hanging_transactions.end_hanging_transactions(
            self.transactions.transactional_id, all_of_them, position_of=_position, confirmed=checkpoint.position
        )
        self.position = self._reached(checkpoint)
        self._unshown = hanging_transactions.StalledVisibilityMonitor(all_of_them)
        self._note()
        leader_election.renew_leadership(self.topic, self.owner, topic_id=there.topic_id)
        log.info("publishing from position %s", self.position)

    def publish_batch(self, limit: int = BATCH) -> int:
        """Publish the next records in one transaction; how many. Any exception means: discard this publisher."""
        rows = self._read(limit)
        if rows or self._deleted < self.position or monotonic() >= self._noted_at + leader_election.RENEW_INTERVAL_S:
            self._note()
        if rows:
            self._topics |= {name: _checked(name) for name in {row.topic for row in rows} - self._topics.keys()}
            self.transactions.publish(self._records(rows), len(rows) + 1)
            crash_point("publish.before-checkpoint")
            self.position = rows[-1].position
        if self._unshown:
            self._unshown.check()
        return len(rows)

    def close(self) -> None:
        if self._unshown:
            self._unshown.close()
        self.transactions.close()

    def _reached(self, checkpoint: RelayCheckpoint) -> int:
        """The position behind which to go on: what Kafka says, if it speaks of this outbox."""
        last = read_last_records(self.topic, 1, await_open_transactions=True).get(0)
        try:
            said = msgspec.json.decode(last.value, type=PublishedPosition) if last else None
        except (msgspec.DecodeError, TypeError) as error:
            raise ManualInterventionRequired(
                f"{self.topic} ends with a record that is none of ours: {error}"
            ) from error
        ours = said is not None and said.outbox == self.outbox
        position = said.position if said and ours else 0
        if position < checkpoint.position:
            raise ManualInterventionRequired(
                f"{self.topic} ends at position {position} of this outbox, but {checkpoint.position} was confirmed: "
                "Kafka lost records, was replaced, or another database publishes there. After looking, create_topics "
                f"--forget {self.topic} publishes what is still in the outbox",
                topic=self.topic,
            )
        if position > (written := _last_position()):
            raise ManualInterventionRequired(
                f"{self.topic} ends at position {position}, but this database has come to {written} only: it is "
                f"older than what was published. After looking, create_topics --forget {self.topic} publishes its "
                "outbox as new",
                topic=self.topic,
            )
        if said is not None and not ours:
            log.warning("%s speaks of another database's outbox; this one is published from its start", self.topic)
        return position

    def _read(self, limit: int) -> Sequence[_Row]:
        """The next records, up to where nothing can appear any more; none when that cannot be said now."""
        if self._horizon <= self.position:
            if monotonic() < self._fence_at:
                return []
            try:
                self._horizon, self._busy = _horizon(self.position), 0
            except TailBusy:
                self._busy += 1
                self._fence_at = monotonic() + min(LONGEST_BUSY_S, 0.05 * 2**self._busy)
                return []
        if self._horizon <= self.position:
            return []
        with connection.cursor() as cursor:
            cursor.execute(_NEXT, [self.position, self._horizon, limit, MOST_BYTES])
            return [_Row(*row) for row in cursor.fetchall()]

    def _note(self) -> None:
        """Note what Kafka has confirmed and let go of it, renew the lease, and make all that was read durable."""
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SET LOCAL synchronous_commit TO on")
            leader_election.renew_leadership(self.topic, self.owner, position=self.position)
            OutboxRecord.objects.filter(position__gt=self._deleted, position__lte=self.position).delete()
        self._deleted, self._noted_at = self.position, monotonic()

    def _records(self, rows: Sequence[_Row]) -> Iterator[ProducerRecord]:
        for row in rows:
            topic, partitions = self._topics[row.topic]
            key = row.key.encode()
            headers = _headers(row.headers) if row.headers else _OF_A_ROW
            yield ProducerRecord(
                topic,
                crc32(key) % partitions,
                key,
                row.value,
                [*headers, ("outgoing-position", b"%d" % row.position)],
                int(row.created_at.timestamp() * 1000),
            )
        last = rows[-1]
        reached = msgspec.json.encode(PublishedPosition(self.outbox, last.position))
        yield ProducerRecord(self.topic, 0, _KEY, reached, _OF_A_ROW, int(last.created_at.timestamp() * 1000))


def run(stop: Signal) -> None:
    """Publish until told to stop. Raises `NeedsAPerson` and `TopicRefused`."""
    leader_election.run_leader(OutboxPublisher, stop)


#: As many as fit: the first one always does.
_NEXT: Final = """
SELECT position, topic, key, value, headers, created_at
FROM (
    SELECT *, sum(octet_length(value)) OVER (
        ORDER BY position ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    ) AS before
    FROM (
        SELECT * FROM projections_outgoing WHERE position > %s AND position <= %s ORDER BY position LIMIT %s
    ) AS next
) AS counted
WHERE before IS NULL OR before < %s
ORDER BY position
"""


def _horizon(after: int) -> int:
    """The position up to which nothing can appear any more; raises `TailBusy` after 100 ms of waiting for writers."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT outgoing_horizon(%s)", [after])
            return int(cursor.fetchone()[0])
    except DatabaseError as error:
        if isinstance(error.__cause__, psycopg.errors.LockNotAvailable | psycopg.errors.DeadlockDetected):
            raise TailBusy from error
        raise


def _last_position() -> int:
    """The last position this database ever gave out."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_sequence_last_value(pg_get_serial_sequence('projections_outgoing', 'position'))")
        return int(cursor.fetchone()[0] or 0)


def _partitions() -> dict[str, int]:
    """Every topic that is published to, with its number of partitions."""
    wanted = topics.topic_specs(projection.topic for projection in projection_registry.select([]))
    names = {topic.name for topic in wanted} - {topics.event_store_topic()}
    return dict(KnownTopic.objects.filter(name__in=names).values_list("name", "partitions"))


def _position(record: Any) -> int:
    """Where in the outbox a record was, or, of the one that says how far it is published, the last one with it."""
    if record.key == _KEY:
        return msgspec.json.decode(record.value, type=PublishedPosition).position
    return read_int_header(record.headers, "outgoing-position")


def _checked(name: str) -> tuple[str, int]:
    topic = topics.topic_name(name)
    return topic, topics.require_topic(topic).partitions


def _headers(text: str) -> list[tuple[str, bytes]]:
    return [(name, said.encode("latin-1")) for name, said in msgspec.json.decode(text)]
