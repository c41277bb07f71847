"""Setting a poison event aside without losing order: later events of its aggregate queue behind it."""

from __future__ import annotations

import traceback
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from eventshop.eventstore.backends.protocol import backend
from eventshop.messaging.event_log import DeliveredEvent, UnreadableDelivery
from eventshop.privacy.erasure import erasure_locks
from eventshop.projections import outbox, personal_columns
from eventshop.projections.fold import Fold, PlannedEvent, plan_events
from eventshop.projections.models import Checkpoint, DeadLetter, UnreadableRecord
from eventshop.projections.personal_columns import mask_personal_data
from eventshop.projections.projection import Projection, projection_registry
from eventshop.projections.read_model_table import ROW_ERRORS, ReadModelTable, is_row_error
from eventshop.projections.row_locks import lock_shared_rows

#: The wait before the first retry; it doubles with each attempt, up to an hour.
FIRST_WAIT: Final = timedelta(seconds=5)
LONGEST_WAIT: Final = timedelta(hours=1)
#: Parked events of one aggregate that one retry takes in one transaction.
RETRY_BATCH: Final = 500


class RetryResult(NamedTuple):
    """What a retry achieved."""

    folded: int
    remaining: int


class ProjectionTarget(NamedTuple):
    """Where a projection's rows and parked events are: the live ones, or those of a rebuild."""

    projection: Projection[Any]
    name: str
    table: ReadModelTable[Any]

    @property
    def is_published(self) -> bool:
        """Whether others may hear of what happens here: not of a rebuild before it is swapped in."""
        return self.table.topic is not None


def live_target(projection: Projection[Any]) -> ProjectionTarget:
    return ProjectionTarget(projection, projection.name, ReadModelTable(projection.model, topic=projection.topic))


def blocked_aggregates(name: str, aggregates: Collection[UUID]) -> set[UUID]:
    """Those of these aggregates that have a parked event."""
    parked = DeadLetter.objects.filter(projection=name).values_list("aggregate_id", flat=True).distinct()
    return set(parked) & set(aggregates)


def add_dead_letters(site: ProjectionTarget, waiting: Sequence[tuple[PlannedEvent, Exception | None]]) -> None:
    """Set events aside in order, each with its error or, without one, behind an earlier event."""
    if waiting:
        now = timezone.now()
        rows = [_parked(site.name, step, error, now) for step, error in waiting]
        DeadLetter.objects.bulk_create(rows)
        if site.is_published:
            outbox.add_dead_letters(rows)


def add_unreadable_records(site: ProjectionTarget, records: Sequence[UnreadableDelivery]) -> None:
    """Keep records that are no events of ours, as they lay on the log."""
    if records:
        now = timezone.now()
        rows = [_unreadable(site.name, record, now) for record in records]
        UnreadableRecord.objects.bulk_create(rows, ignore_conflicts=True)
        if site.is_published:
            outbox.add_unreadable_records(rows, records)


def due_retries(names: Collection[str], limit: int = 20) -> list[tuple[str, UUID]]:
    """Which projection should retry which aggregate now."""
    return list(
        DeadLetter.objects.filter(projection__in=names, next_attempt_at__lte=timezone.now())
        .order_by("next_attempt_at")
        .values_list("projection", "aggregate_id")[:limit]
    )


def retry(name: str, aggregate_id: UUID) -> RetryResult:
    """Fold an aggregate's parked events in order until one fails again. Raises `UnknownProjection`."""
    return retry_queue(live_target(projection_registry.get(name)), aggregate_id)


def retry_queue(site: ProjectionTarget, aggregate_id: UUID) -> RetryResult:
    """As `retry`, for any site."""
    limit, drained = RETRY_BATCH, 0
    while True:
        try:
            with transaction.atomic(), personal_columns.keys_transaction():
                done = _drain(site, aggregate_id, limit)
        except ROW_ERRORS as error:
            if not is_row_error(error):
                raise
            # A row the database refuses does not say which event made it: take fewer, down to the one at fault.
            if limit > 1:
                limit //= 2
                continue
            with transaction.atomic():
                first = _queue(site.name, aggregate_id).first()
                if first is not None:
                    _failed_again(first, error)
            return RetryResult(drained, _queue(site.name, aggregate_id).count())
        drained += done.folded
        if limit == RETRY_BATCH or done.folded < limit or not done.remaining:
            return RetryResult(drained, done.remaining)


def _drain(site: ProjectionTarget, aggregate_id: UUID, limit: int) -> RetryResult:
    lock_shared_rows(site.projection, site.table.name)
    erasure_locks.block_all_erasures()  # before the checkpoint, as batches do: else each could wait for the other
    # The checkpoint's lock is what keeps the worker from adding to the queue, or passing it, meanwhile.
    first = _queue(site.name, aggregate_id).first()
    if first is None:
        return RetryResult(0, 0)
    checkpoint = Checkpoint.objects.select_for_update().get(projection=site.name, partition=first.partition)
    queue = list(_queue(site.name, aggregate_id)[:limit])
    folded, failed = _fold(site, queue)
    done = [row.pk for row in queue[:folded]]
    DeadLetter.objects.filter(pk__in=done).delete()
    Checkpoint.objects.filter(pk=checkpoint.pk).update(parked=F("parked") - len(done))
    remaining = _queue(site.name, aggregate_id)
    if failed is not None:
        _failed_again(queue[folded], *failed)
    elif (following := remaining.first()) is not None:
        DeadLetter.objects.filter(pk=following.pk).update(next_attempt_at=timezone.now())
    return RetryResult(folded, remaining.count())


def _fold(site: ProjectionTarget, queue: Sequence[DeadLetter]) -> tuple[int, tuple[Exception, PlannedEvent] | None]:
    """Write the rows of the first parked events that can be folded: how many, and what the next one raised."""
    marks = ", ".join(["%s"] * len(queue))
    rows = backend().select_events(f"WHERE position IN ({marks}) ORDER BY position", [row.position for row in queue])
    # Parked events are read from the store, which has them whatever became of the log.
    parked = {row.position: row for row in queue}
    planned = plan_events(
        site.projection,
        [DeliveredEvent(parked[row.position].offset, row, parked[row.position].partition) for row in rows],
    )
    planned = personal_columns.hold_off_erasures(site.projection, planned)
    keys = {site.projection.primary_key(touch.key) for step in planned for touch in step.changes}
    folding = Fold(site.projection, site.table.load(keys))
    failed: tuple[Exception, PlannedEvent] | None = None
    folded = 0
    for step in planned:
        try:
            if step.error is not None:
                raise step.error
            folding.apply(step)
        except Exception as error:  # a handler may raise anything; it is this event's error
            failed = error, step
            break
        folded += 1
    site.table.save(folding.changed.values())
    return folded, failed


def _queue(name: str, aggregate_id: UUID) -> Any:
    return DeadLetter.objects.filter(projection=name, aggregate_id=aggregate_id).order_by("position")


def _parked(name: str, step: PlannedEvent, error: Exception | None, now: datetime) -> DeadLetter:
    meta = step.meta
    return DeadLetter(
        projection=name,
        aggregate_id=meta.aggregate_id,
        aggregate_type=meta.aggregate_type,
        partition=step.partition,
        offset=step.offset,
        position=meta.position,
        version=meta.version,
        event_id=meta.event_id,
        event_type=meta.event_type,
        error=_sentence(error, step) if error else "",
        traceback=_trace(error, step) if error else "",
        attempts=1 if error else 0,
        parked_at=now,
        last_attempt_at=now if error else None,
        next_attempt_at=now + FIRST_WAIT if error else None,
    )


def _unreadable(name: str, record: UnreadableDelivery, now: datetime) -> UnreadableRecord:
    return UnreadableRecord(
        projection=name,
        topic=record.topic,
        partition=record.partition,
        offset=record.offset - 1,
        key=record.key,
        value=record.value,
        headers=[[_storable(header), _storable((said or b"").decode("latin-1"))] for header, said in record.headers],
        error=_storable(record.error)[:500],
        found_at=now,
    )


def _failed_again(row: DeadLetter, error: Exception, step: PlannedEvent | None = None) -> None:
    now = timezone.now()
    wait = min(FIRST_WAIT * 2 ** min(row.attempts, 20), LONGEST_WAIT)
    DeadLetter.objects.filter(pk=row.pk).update(
        error=_sentence(error, step),
        traceback=_trace(error, step),
        attempts=F("attempts") + 1,
        last_attempt_at=now,
        next_attempt_at=now + wait,
    )


def _sentence(error: Exception, step: PlannedEvent | None = None) -> str:
    return _storable(mask_personal_data(f"{type(error).__name__}: {error}", step))[:500]


def _trace(error: Exception, step: PlannedEvent | None = None) -> str:
    return _storable(mask_personal_data("".join(traceback.format_exception(error)), step))[-20_000:]


def _storable(text: str) -> str:
    """Without what no database takes; an error that could not be kept would stop more than its own event."""
    return text.encode(errors="backslashreplace").decode().replace("\x00", "\\x00")
