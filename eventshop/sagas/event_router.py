"""From the event log to the sagas: which events are part of whose story, written down for whoever works on it."""

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
from eventshop.core.message_registry import registry as program
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
from eventshop.sagas.saga_registry import AnySaga, SagaRegistry
from eventshop.sagas.saga_registry import saga_registry as known

log = logging.getLogger(__name__)


class RoutedEvent(NamedTuple):
    """One event as a part of one saga's story."""

    saga: AnySaga
    saga_id: UUID
    subject_id: UUID
    recorded_event: RecordedEvent[Any]
    starts: bool


class EventRouter:
    """Listens to the partitions that its worker holds."""

    kind = "events"

    def __init__(
        self, owner: str, source: EventLog, *, sagas: SagaRegistry = known, registry: MessageRegistry = program
    ) -> None:
        self.owner = owner
        self.source = source
        self.sagas = sagas
        self.registry = registry
        self.leases: dict[int, PartitionLease] = {}
        self.reader = source.open_reader("sagas")

    def renew_leases(self, workers: int) -> None:
        held = partition_leases.acquire_leases(_name(), self.source.partitions, self.owner, workers)
        # What stays is where this ear left it; what was just taken over is where the database says.
        self.leases = {number: self.leases.get(number, row) for number, row in held.items()}

    def route_events(self, limit: int = 500) -> int:
        """Write down the next events for the sagas they are about; how many events there were."""
        if not self.leases:
            return 0
        delivered = self.reader.read(partition_leases.offsets_of(self.leases), limit)
        if delivered:
            try:
                self._write(delivered)
            except Exception:
                self.leases = {}  # wherever it is now, it is not where this ear believed
                raise
        return len(delivered)

    def close(self) -> None:
        self.reader.close()

    def _write(self, delivered: Sequence[Delivery]) -> None:
        parts = [part for item in delivered if isinstance(item, DeliveredEvent) for part in self._parts(item)]
        moves = _moves(partition_leases.offsets_of(self.leases), delivered)
        with batch_write():
            _relax_commit()
            held = partition_leases.lock_leases({number: self.leases[number] for number in moves}, self.owner)
            now, told = timezone.now(), _told(parts)
            _start(parts, now)
            inbox.add_messages([_heard(part, now) for part in told])
            partition_leases.save_offsets(held, moves)
            crash_point("saga.hearing")
        for number, place in moves.items():
            row = self.leases[number]
            row.offset, row.sequence, row.position = place

    def _parts(self, item: DeliveredEvent) -> Iterator[RoutedEvent]:
        shape = item.row.event_type, item.row.schema_version
        kinds = (
            self.sagas.kinds_handling(self.registry.reader_for(*shape).event_class)
            if self.registry.can_read(*shape)
            else ()
        )
        if not kinds:
            return
        try:
            happened = to_recorded_event(item.row, self.registry)
        except BrokenStream as error:
            log.error("no saga hears of event %s: %s", item.row.event_id, error)
            return
        for kind in kinds:
            saga = self.sagas.newest_version(kind)
            subject = saga.subject_of(happened.event)
            if subject is not None:
                starts = saga.starts_with(happened.event, happened.meta)
                yield RoutedEvent(saga, saga_id_for(kind, subject), subject, happened, starts)


def _start(parts: Sequence[RoutedEvent], now: datetime) -> None:
    bulk_sql.insert_rows([_new(part, now) for part in parts if part.starts], ignore_existing=True)


def _told(parts: Sequence[RoutedEvent]) -> list[RoutedEvent]:
    """The parts of stories that some saga tells: it has started before, or a little earlier in this batch."""
    asked = {part.saga_id for part in parts if not part.starts}
    telling = set(Saga.objects.filter(pk__in=asked).values_list("pk", flat=True)) if asked else set()
    told: list[RoutedEvent] = []
    for part in parts:
        if part.starts:
            telling.add(part.saga_id)
        if part.saga_id in telling:
            told.append(part)
    return told


def _new(part: RoutedEvent, now: datetime) -> Saga:
    meta = part.recorded_event.meta
    return Saga(
        saga_id=part.saga_id,
        kind=part.saga.kind,
        version=part.saga.version,
        subject_id=part.subject_id,
        slot=partition_for(part.saga_id),
        state=encode_canonical(part.saga())[0].decode(),
        correlation_id=meta.correlation_id,
        sequence_number=meta.sequence_number,
        started_at=now,
        moved_at=now,
    )


def _heard(part: RoutedEvent, now: datetime) -> InboxMessage:
    meta = part.recorded_event.meta
    return InboxMessage(
        saga_id=part.saga_id,
        slot=partition_for(part.saga_id),
        what=InboxMessage.Kind.EVENT,
        name=meta.event_type,
        cause_id=meta.event_id,
        position=meta.position,
        heard_at=now,
    )


def _moves(at: Mapping[int, LogOffset], delivered: Sequence[Delivery]) -> dict[int, LogOffset]:
    """Where each partition stands after these deliveries."""
    moves: dict[int, LogOffset] = {}
    for item in delivered:
        last = moves.get(item.partition, at[item.partition])
        if isinstance(item, UnreadableDelivery):
            moves[item.partition] = last._replace(offset=item.offset)  # the projections set it aside
        else:
            moves[item.partition] = LogOffset(item.offset, item.sequence, item.row.position)
    return moves


def _relax_commit() -> None:
    """Answer before it is on disk: should it vanish, inputs and place vanish together and come again."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(RELAXED_COMMIT_SQL)


def _name() -> str:
    """Offsets of one kind of log mean nothing in another."""
    return "kafka" if settings.KAFKA_OPTIONS else "database"
