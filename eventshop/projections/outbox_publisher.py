"""The outbox publisher sends the outbox to Kafka: each record exactly once, in order per key, through any crash.

It works as the relay does. One leader, fenced by Kafka's producer epoch, reads records in the order of their positions,
behind the fence that lets no position appear late, and sends a batch in one Kafka transaction over all topics.

The topics cannot tell where to go on: they keep records for seven days, and a quiet topic is empty. So every
transaction also writes one record to the topic `outgoing-positions`, which compaction never empties: how far this
outbox is published, which is true exactly if the transaction is committed. A new leader first fences its predecessor,
then reads that record, and goes on behind it. After a crash before the commit that record is the old one, and the whole
batch, which no consumer has seen, is sent again. After the commit it is the new one, and nothing is sent again. Rows
are deleted from the outbox after a confirmed commit only, so that what must be sent again is always still there.

Four more failures are checked for before anything is sent:

- The workers commit without waiting for the disk (`batch_processor`). Before a batch is sent, the publisher makes a
  commit of its own durable, and with it everything that it has read. A database that crashes then cannot lose what
  Kafka has, and assign a position twice.
- The outbox of another database, as after a restore into an empty one, starts its positions anew, and so does that of
  another epoch of the store. The record names its outbox; a record of another outbox says nothing about this one.
- A database that was put in place of a newer one, without a new epoch, is found by comparing its events with Kafka.
- Kafka may have fewer records than it confirmed, or more than the database ever wrote. Then it is not the same Kafka,
  or not the same database, and nothing is sent until an operator has looked.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from datetime import timedelta
from threading import Event as Signal
from time import monotonic
from typing import Final
from uuid import UUID, uuid4
from zlib import crc32

import msgspec
from django.db import connection, transaction
from django.utils import timezone

from eventshop.core.errors import TailBusy
from eventshop.eventstore.store_epochs import current_epoch
from eventshop.messaging.kafka import clients, hanging_transactions, publish_faults, topics
from eventshop.messaging.kafka.record_batches import ProducerRecord
from eventshop.messaging.kafka.transactional_producer import TransactionalProducer
from eventshop.messaging.models import KnownTopic, RelayCheckpoint
from eventshop.messaging.reconciliation import divergence
from eventshop.messaging.relay import leader_election
from eventshop.messaging.relay.batch_limit import BatchLimit
from eventshop.messaging.relay.leader_election import ManualInterventionRequired
from eventshop.projections.models import OutboxRecord
from eventshop.projections.outbox_reader import OutboxRow, read_horizon, read_rows
from eventshop.projections.projection import projection_registry
from eventshop.projections.published_position import KEY, PublishedPosition, position_of, read_published_position
from eventshop.runtime.backoff import Backoff
from eventshop.runtime.fault_injection import crash_point
from eventshop.runtime.process_name import process_name
from eventshop.runtime.wake_signals import Channel, poll_interval_s
from eventshop.runtime.watchdog import Watchdog

log = logging.getLogger(__name__)

#: Records, and bytes of values, in one Kafka transaction.
BATCH: Final = 1_000
MOST_BYTES: Final = 8_000_000
#: How long records accumulate after a batch that was not full: each read model's every batch would be a transaction.
LINGER_S: Final = 0.1
#: The delays after the fence was busy: while it waits for writers, other writers queue behind it.
BUSY_BACKOFF: Final = Backoff(timedelta(seconds=0.1), timedelta(seconds=2))

_JSON_HEADERS: Final = [("content-type", b"application/json")]


class OutboxPublisher:
    """One leader, from taking over to its first failure."""

    channel = Channel.OUTBOX

    def __init__(self, watchdog: Watchdog, limit: BatchLimit | None = None) -> None:
        self.topic = topics.outbox_positions_topic()
        self.owner = process_name()
        self.transactions = TransactionalProducer("publish", f"eventshop-publish-{self.topic}", watchdog)
        self._monitor: hanging_transactions.StalledVisibilityMonitor | None = None
        self.limit = limit or BatchLimit(BATCH, MOST_BYTES)
        self.outbox = UUID(int=0)
        self.position = 0
        self.has_more = False
        self._horizon = 0
        self._deleted = 0
        self._saved_at = 0.0
        self._busy_count = 0
        self._fence_at = 0.0
        self._topics: dict[str, tuple[str, int]] = {}
        self.epoch_id: UUID | None = None
        self._epoch_check = divergence.LastEventCheck()

    def take_over(self) -> None:
        """Fence the predecessor, then read how far it came. In this order, no commit of a zombie can come later.

        Raises `ManualInterventionRequired`, `StoreDiverged`, `TopicRefused`, `KafkaUnavailable`.
        """
        found = topics.require_topics(self.topic, topics.event_store_topic(), topics.store_epochs_topic())
        divergence.refuse_older_database(topics.event_store_topic())
        self.transactions.open()
        self.epoch_id = current_epoch().epoch_id
        checkpoint = self._begin_in_epoch(RelayCheckpoint.objects.get(topic=self.topic))
        self.outbox = checkpoint.source_id
        partitions = _partitions_by_topic()
        hanging_transactions.end_hanging_transactions(
            self.transactions.transactional_id, partitions, position_of=position_of, confirmed=checkpoint.position
        )
        self.position = read_published_position(checkpoint)
        self._monitor = hanging_transactions.StalledVisibilityMonitor(partitions)
        self._save_position()
        leader_election.renew_leadership(self.topic, self.owner, topic_id=found[self.topic].topic_id)
        log.info("publishing from position %s", self.position)

    def publish_batch(self, limit: int | None = None) -> int:
        """Publish the next records in one transaction; returns how many. After an exception, discard this publisher.

        Raises `ManualInterventionRequired` for a record that Kafka refuses, `DivergenceSuspected` in another epoch.
        """
        if self._epoch_check.is_due() and current_epoch().epoch_id != self.epoch_id:
            raise divergence.DivergenceSuspected("another epoch of the event store has begun")
        rows = self._read(limit or self.limit.records)
        if rows or self._deleted < self.position or monotonic() >= self._saved_at + leader_election.RENEW_INTERVAL_S:
            self._save_position()
        if rows:
            self._topics |= {name: _require_topic(name) for name in {row.topic for row in rows} - self._topics.keys()}
            self._send(rows)
            crash_point("publish.before-checkpoint")
            self.position = rows[-1].position
            self.limit.grow(self.position)
        if self._monitor:
            self._monitor.check(self.position)
        self.has_more = bool(rows)  # at least to record that these are published
        return len(rows)

    def wait_s(self) -> float:
        return max(0.0, self._fence_at - monotonic()) if self._busy_count else poll_interval_s()

    def linger_s(self, published: int) -> float:
        return 0.0 if published >= self.limit.records else LINGER_S

    def close(self) -> None:
        if self._monitor:
            self._monitor.close()
        self.transactions.close()

    def _begin_in_epoch(self, checkpoint: RelayCheckpoint) -> RelayCheckpoint:
        """In a new epoch the outbox is another one: what it still holds is published, whatever Kafka has of the old."""
        if checkpoint.epoch_id not in (None, self.epoch_id):
            checkpoint.source_id, checkpoint.position = uuid4(), 0
        if checkpoint.epoch_id != self.epoch_id:
            checkpoint.epoch_id = self.epoch_id
            checkpoint.save(update_fields=["source_id", "position", "epoch_id"])
        return checkpoint

    def _read(self, limit: int) -> Sequence[OutboxRow]:
        """The next records up to the horizon; none while the horizon cannot be determined."""
        if self._horizon <= self.position:
            if monotonic() < self._fence_at:
                return []
            try:
                self._horizon, self._busy_count = read_horizon(self.position), 0
            except TailBusy:
                self._busy_count += 1
                self._fence_at = monotonic() + BUSY_BACKOFF.delay_s(self._busy_count)
                return []
        if self._horizon <= self.position:
            return []
        return read_rows(after=self.position, horizon=self._horizon, limit=limit, max_bytes=self.limit.bytes)

    def _save_position(self) -> None:
        """Save the confirmed position, delete its records, renew the lease, and make everything read durable."""
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SET LOCAL synchronous_commit TO on")
            moved = {"moved_at": timezone.now()} if self._deleted < self.position else {}
            leader_election.renew_leadership(self.topic, self.owner, position=self.position, **moved)
            if self._deleted < self.position:
                OutboxRecord.objects.filter(position__gt=self._deleted, position__lte=self.position).delete()
        self._deleted, self._saved_at = self.position, monotonic()

    def _send(self, rows: Sequence[OutboxRow]) -> None:
        try:
            self.transactions.publish(self._to_records(rows))
        except clients.KafkaError as error:
            if self.limit.shrink(error, len(rows), rows[-1].position):
                raise _record_refused(rows[0], error) from error
            raise

    def _to_records(self, rows: Sequence[OutboxRow]) -> Iterator[ProducerRecord]:
        for row in rows:
            topic, partitions = self._topics[row.topic]
            key = row.key.encode()
            headers = _decode_headers(row.headers) if row.headers else _JSON_HEADERS
            yield ProducerRecord(
                topic,
                crc32(key) % partitions,
                key,
                row.value,
                [*headers, ("outgoing-position", b"%d" % row.position)],
                int(row.created_at.timestamp() * 1000),
            )
        last = rows[-1]
        published = msgspec.json.encode(PublishedPosition(self.outbox, last.position))
        yield ProducerRecord(self.topic, 0, KEY, published, _JSON_HEADERS, int(last.created_at.timestamp() * 1000))


def run_publisher(stop: Signal) -> None:
    """Publish until stopped."""
    limit = BatchLimit(BATCH, MOST_BYTES)
    leader_election.run_leader(lambda watchdog: OutboxPublisher(watchdog, limit), stop)


def _record_refused(row: OutboxRow, error: Exception) -> ManualInterventionRequired:
    size = len(row.value or b"") + len(row.headers)
    return ManualInterventionRequired(
        f"the record at outbox position {row.position} cannot be published, and none after it: key {row.key} of the "
        f"topic {topics.topic_name(row.topic)}: {publish_faults.advise(error)} ({size} bytes)",
        position=row.position,
    )


def _partitions_by_topic() -> dict[str, int]:
    """Every topic that is published to, with its number of partitions."""
    specs = topics.topic_specs(projection.topic for projection in projection_registry.select([]))
    names = {topic.name for topic in specs} - {topics.event_store_topic()}
    return dict(KnownTopic.objects.filter(name__in=names).values_list("name", "partitions"))


def _require_topic(name: str) -> tuple[str, int]:
    topic = topics.topic_name(name)
    return topic, topics.require_topic(topic).partitions


def _decode_headers(text: str) -> list[tuple[str, bytes]]:
    return [(name, value.encode("latin-1")) for name, value in msgspec.json.decode(text)]
