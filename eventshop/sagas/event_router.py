"""The event router reads the event log and writes each event into the inbox of every saga that it concerns."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.utils import timezone

from eventshop.core.errors import BrokenStream
from eventshop.core.message_registry import MessageRegistry
from eventshop.core.message_registry import registry as default_registry
from eventshop.core.messages import RecordedEvent
from eventshop.core.serialization import encode_canonical
from eventshop.eventstore.backends import bulk_sql
from eventshop.eventstore.records import to_recorded_event
from eventshop.eventstore.unit_of_work import RELAXED_COMMIT_SQL, batch_write
from eventshop.messaging.event_log import DeliveredEvent, Delivery, EventLog, LogOffset, UnreadableDelivery
from eventshop.runtime.fault_injection import crash_point
from eventshop.sagas import inbox, partition_leases
from eventshop.sagas.inbox import partition_for, saga_id_for
from eventshop.sagas.models import InboxMessage, PartitionLease, Saga
from eventshop.sagas.saga_registry import AnySaga, SagaRegistry, saga_registry

log = logging.getLogger(__name__)


class RoutedEvent(NamedTuple):
    """One event and the saga that it concerns; `starts` says that the event starts this saga."""

    saga: AnySaga
    saga_id: UUID
    subject_id: UUID
    recorded_event: RecordedEvent[Any]
    starts: bool


class EventRouter:
    """Routes the events of the log partitions that its worker has leased."""

    kind = "events"

    def __init__(
        self,
        owner: str,
        source: EventLog,
        *,
        sagas: SagaRegistry = saga_registry,
        registry: MessageRegistry = default_registry,
    ) -> None:
        self.owner = owner
        self.source = source
        self.sagas = sagas
        self.registry = registry
        self.leases: dict[int, PartitionLease] = {}
        self.reader = source.open_reader("sagas")

    def renew_leases(self, workers: int) -> None:
        acquired = partition_leases.acquire_leases(_log_name(), self.source.partitions, self.owner, workers)
        # A lease that is kept goes on from the offset in memory; a new one from the offset in the database.
        self.leases = {number: self.leases.get(number, row) for number, row in acquired.items()}

    def route_events(self, limit: int = 500) -> int:
        """Write the next events into the inboxes of their sagas; returns how many events were read."""
        if not self.leases:
            return 0
        delivered = self.reader.read(partition_leases.offsets_of(self.leases), limit)
        if delivered:
            try:
                self._write(delivered)
            except Exception:
                self.leases = {}  # the offsets in memory may be wrong: read them from the database again
                raise
        return len(delivered)

    def close(self) -> None:
        self.reader.close()

    def _write(self, delivered: Sequence[Delivery]) -> None:
        routed = [event for item in delivered if isinstance(item, DeliveredEvent) for event in self._route(item)]
        offsets = _offsets_after(partition_leases.offsets_of(self.leases), delivered)
        with batch_write():
            _relax_commit()
            leases = partition_leases.lock_leases({number: self.leases[number] for number in offsets}, self.owner)
            now, routable = timezone.now(), _for_started_sagas(routed)
            _start_sagas(routed, now)
            inbox.add_messages([_inbox_message(event, now) for event in routable])
            partition_leases.save_offsets(leases, offsets)
            crash_point("saga.hearing")
        for number, offset in offsets.items():
            row = self.leases[number]
            row.offset, row.sequence, row.position = offset

    def _route(self, item: DeliveredEvent) -> Iterator[RoutedEvent]:
        stored_type = item.row.event_type, item.row.schema_version
        if not self.registry.can_read(*stored_type):
            return
        kinds = self.sagas.kinds_handling(self.registry.reader_for(*stored_type).event_class)
        if not kinds:
            return
        try:
            recorded_event = to_recorded_event(item.row, self.registry)
        except BrokenStream as error:
            log.error("event %s cannot be read and is routed to no saga: %s", item.row.event_id, error)
            return
        for kind in kinds:
            saga = self.sagas.newest_version(kind)
            subject_id = saga.subject_of(recorded_event.event)
            if subject_id is not None:
                starts = saga.starts_with(recorded_event.event, recorded_event.meta)
                yield RoutedEvent(saga, saga_id_for(kind, subject_id), subject_id, recorded_event, starts)


def _start_sagas(routed: Sequence[RoutedEvent], now: datetime) -> None:
    bulk_sql.insert_rows([_new_saga(event, now) for event in routed if event.starts], ignore_existing=True)


def _for_started_sagas(routed: Sequence[RoutedEvent]) -> list[RoutedEvent]:
    """The events whose saga exists: it was started before, or by an earlier event of this batch."""
    candidates = {event.saga_id for event in routed if not event.starts}
    started = set(Saga.objects.filter(pk__in=candidates).values_list("pk", flat=True)) if candidates else set()
    routable: list[RoutedEvent] = []
    for event in routed:
        if event.starts:
            started.add(event.saga_id)
        if event.saga_id in started:
            routable.append(event)
    return routable


def _new_saga(routed: RoutedEvent, now: datetime) -> Saga:
    meta = routed.recorded_event.meta
    return Saga(
        saga_id=routed.saga_id,
        kind=routed.saga.kind,
        version=routed.saga.version,
        subject_id=routed.subject_id,
        slot=partition_for(routed.saga_id),
        state=encode_canonical(routed.saga())[0].decode(),
        correlation_id=meta.correlation_id,
        sequence_number=meta.sequence_number,
        started_at=now,
        moved_at=now,
    )


def _inbox_message(routed: RoutedEvent, now: datetime) -> InboxMessage:
    meta = routed.recorded_event.meta
    return InboxMessage(
        saga_id=routed.saga_id,
        slot=partition_for(routed.saga_id),
        what=InboxMessage.Kind.EVENT,
        name=meta.event_type,
        cause_id=meta.event_id,
        position=meta.position,
        heard_at=now,
    )


def _offsets_after(before: Mapping[int, LogOffset], delivered: Sequence[Delivery]) -> dict[int, LogOffset]:
    """The offset of each partition after these deliveries."""
    offsets: dict[int, LogOffset] = {}
    for item in delivered:
        previous = offsets.get(item.partition, before[item.partition])
        if isinstance(item, UnreadableDelivery):
            offsets[item.partition] = previous._replace(offset=item.offset)  # the projections keep a dead letter of it
        else:
            offsets[item.partition] = LogOffset(item.offset, item.sequence, item.row.position)
    return offsets


def _relax_commit() -> None:
    """Commit without waiting for the disk: a crash loses inbox messages and offsets together, and both are redone."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(RELAXED_COMMIT_SQL)


def _log_name() -> str:
    """The name of the leases: the offsets of one kind of log mean nothing in another."""
    return "kafka" if settings.KAFKA_OPTIONS else "database"
