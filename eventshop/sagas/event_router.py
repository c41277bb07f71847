"""The event router reads the event table and writes each event into the inbox of every saga that it concerns.

It reads the table also where Kafka distributes the events: the table is in the database that the router writes to, so
sagas go on while Kafka is down, and hear an event without the detour over relay and broker.

It stops before an event that only a newer release can read, and leaves the lease to a worker of that release.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from itertools import takewhile
from typing import Any, Final, NamedTuple
from uuid import UUID

from django.utils import timezone

from eventshop.core.errors import BrokenStream, ProgramTooOld
from eventshop.core.message_registry import MessageRegistry
from eventshop.core.message_registry import registry as default_registry
from eventshop.core.messages import RecordedEvent
from eventshop.core.serialization import encode_canonical
from eventshop.eventstore.backends import bulk_sql
from eventshop.eventstore.backends.bulk_sql import new_row
from eventshop.eventstore.records import EventRow, load_keys_of_rows, to_recorded_event
from eventshop.eventstore.tail_reader import TailReader
from eventshop.eventstore.unit_of_work import batch_write, relax_transaction
from eventshop.runtime import metrics
from eventshop.runtime.fault_injection import crash_point
from eventshop.sagas import catch_up, inbox, kafka_positions, live_points, partition_leases
from eventshop.sagas.inbox import partition_for, saga_id_for
from eventshop.sagas.kafka_positions import KafkaPositions
from eventshop.sagas.models import InboxMessage, PartitionLease, Saga
from eventshop.sagas.newer_release import NewerRelease
from eventshop.sagas.saga_registry import AnySaga, SagaRegistry, saga_registry

log = logging.getLogger(__name__)

#: Events routed in one transaction.
BATCH: Final = 1_000


class RoutedEvent(NamedTuple):
    """One event and the saga that it concerns; `starts` says that the event starts this saga."""

    saga: AnySaga
    saga_id: UUID
    subject_id: UUID
    recorded_event: RecordedEvent[Any]
    starts: bool


class EventRouter:
    """Routes the events of the table while its worker has the lease; of several workers one has it."""

    def __init__(
        self, owner: str, *, sagas: SagaRegistry = saga_registry, registry: MessageRegistry = default_registry
    ) -> None:
        self.owner = owner
        self.sagas = sagas
        self.registry = registry
        self.lease: PartitionLease | None = None
        self.tail = TailReader()
        #: Whether the last call may have left events, or a past, that can be routed at once.
        self.has_more = False
        self.newer_release = NewerRelease(owner)
        #: The events of the last batch by position, for a runner in the same thread, which clears them before it waits.
        self.routed: dict[int, RecordedEvent[Any]] = {}
        self._kafka_positions: KafkaPositions = {}
        self._muted: Collection[str] = ()  # kinds that get their past apart

    def renew_lease(self) -> None:
        """Acquire or renew the lease. A new lease goes on from the position in the database."""
        acquired = partition_leases.acquire_leases(
            "database", self.newer_release.without_handed_over([0]), self.owner, workers=1
        ).get(0)
        if acquired is None:
            self.lease = None
        elif self.lease is None:
            self._kafka_positions = kafka_positions.load_positions()
            lease = kafka_positions.begin_at_slowest(acquired, self._kafka_positions)
            live_points.ensure_live_points(self.sagas, lease)
            self._muted = {point.kind for point in live_points.muted_points(self.sagas.versions_by_kind)}
            self.lease = lease

    def route_events(self, limit: int = BATCH) -> int:
        """Write the next events into the inboxes of their sagas, and muted ones more of their past; returns how many.

        Raises `TailBusy`, and `LeaseLost` when another worker has routed them.
        """
        self.has_more = False
        self.routed.clear()
        if self.lease is None:
            return 0
        rows = self.tail.read(self.lease.offset, limit)
        readable = list(takewhile(self._can_route, rows))
        if readable:
            try:
                self._write(self.lease, readable)
            except Exception:
                self.lease = None  # the position in memory may be wrong: read it from the database again
                raise
        elif rows:
            self.newer_release.hand_over([self.lease], f"{rows[0].event_type}/{rows[0].schema_version}")
            self.lease = None
        metrics.SAGA_EVENTS_ROUTED.inc(len(readable))
        past = self._route_past()
        self.has_more = past > 0 or len(rows) == limit
        return len(readable) + past

    def _route_past(self) -> int:
        if self.lease is None or not self._muted:
            return 0
        points = live_points.muted_points(self._muted)
        work_done = catch_up.route_past(self.lease, self.owner, points, self._write_past)
        self._muted = {point.kind for point in live_points.muted_points(self._muted)}
        return work_done

    def _write_past(self, rows: Sequence[EventRow], kinds: Collection[str], is_past: bool) -> None:
        routed = self._route_rows(rows, kinds)
        now = timezone.now()
        _start_sagas(routed, now, muted=is_past)
        routable = _for_started_sagas(routed)
        if is_past:
            catch_up.mute_sagas(event.saga_id for event in routable)
        inbox.add_messages([_inbox_message(event, now) for event in routable])
        self._remember(routable)

    def _can_route(self, row: EventRow) -> bool:
        """Whether this program knows what the event means for sagas: it can read it, or no saga handles its type."""
        try:
            reader = self.registry.reader_for(row.event_type, row.schema_version)
        except ProgramTooOld:
            return False
        return not (reader.is_newer and self.sagas.kinds_handling(reader.event_class))

    def _write(self, lease: PartitionLease, rows: Sequence[EventRow]) -> None:
        routed = self._route_rows(rows)
        end = rows[-1].position
        with batch_write():
            with relax_transaction():  # a crash loses inbox messages and position together; both are redone
                partition_leases.advance_lease(lease, self.owner, end)
            now, routable = timezone.now(), _for_started_sagas(routed)
            _start_sagas(routed, now)
            inbox.add_messages([_inbox_message(event, now) for event in routable])
            crash_point("saga.hearing")
        lease.offset = lease.position = end
        self._remember(routable)

    def _remember(self, routable: Sequence[RoutedEvent]) -> None:
        self.routed |= {event.recorded_event.meta.position: event.recorded_event for event in routable}

    def _route_rows(self, rows: Sequence[EventRow], kinds: Collection[str] | None = None) -> list[RoutedEvent]:
        """The sagas that events concern: those of these kinds, by default of all that are not muted."""
        selected = [(row, found) for row in rows if (found := self._select_kinds(row, kinds))]
        load_keys_of_rows((row for row, _ in selected), self.registry)
        return [event for row, found in selected for event in self._route(row, found)]

    def _select_kinds(self, row: EventRow, kinds: Collection[str] | None) -> list[str]:
        handling = self.sagas.kinds_handling(self.registry.reader_for(row.event_type, row.schema_version).event_class)
        if kinds is None:
            selected = [kind for kind in handling if kind not in self._muted]
        else:
            selected = [kind for kind in handling if kind in kinds]
        return [] if kafka_positions.is_routed(row, self._kafka_positions) else selected

    def _route(self, row: EventRow, kinds: Collection[str]) -> Iterator[RoutedEvent]:
        try:
            recorded_event = to_recorded_event(row, self.registry)
        except BrokenStream as error:
            log.error("event %s cannot be read and is routed to no saga: %s", row.event_id, error)
            return
        for kind in kinds:
            saga = self.sagas.newest_version(kind)
            subject_id = saga.subject_of(recorded_event.event)
            if subject_id is not None:
                starts = saga.starts_with(recorded_event.event, recorded_event.meta)
                yield RoutedEvent(saga, saga_id_for(kind, subject_id), subject_id, recorded_event, starts)


def _start_sagas(routed: Sequence[RoutedEvent], now: datetime, *, muted: bool = False) -> None:
    rows = [_new_saga(event, now, muted) for event in routed if event.starts]
    bulk_sql.insert_rows(rows, ignore_existing=True)


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


def _new_saga(routed: RoutedEvent, now: datetime, muted: bool) -> Saga:
    meta = routed.recorded_event.meta
    return new_row(
        Saga,
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
        muted=muted,
    )


def _inbox_message(routed: RoutedEvent, now: datetime) -> InboxMessage:
    meta = routed.recorded_event.meta
    return new_row(
        InboxMessage,
        saga_id=routed.saga_id,
        slot=partition_for(routed.saga_id),
        what=InboxMessage.Kind.EVENT,
        name=meta.event_type,
        cause_id=meta.event_id,
        position=meta.position,
        heard_at=now,
    )
