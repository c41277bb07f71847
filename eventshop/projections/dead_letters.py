"""Dead letters: events that a projection cannot fold. Later events of the same aggregate queue behind them.

The same queue holds events that only a newer release of the program can read, with those behind them. They are no dead
letters: a worker of that release folds them as soon as it runs the projection.
"""

from __future__ import annotations

import traceback
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

from django.db import transaction
from django.db.models import F

from eventshop.core.errors import ProgramTooOld
from eventshop.core.message_registry import registry
from eventshop.core.messages import Meta
from eventshop.eventstore.backends.protocol import backend
from eventshop.messaging.event_log import DeliveredEvent, UnreadableDelivery
from eventshop.privacy.erasure import erasure_locks
from eventshop.projections import outbox, personal_columns
from eventshop.projections.fold import Fold, PlannedEvent, plan_events
from eventshop.projections.models import Checkpoint, DeadLetter, UnreadableRecord
from eventshop.projections.personal_columns import mask_personal_data
from eventshop.projections.projection import projection_registry
from eventshop.projections.read_model_table import ROW_ERRORS, is_row_error
from eventshop.projections.row_locks import lock_shared_rows
from eventshop.projections.targets import ProjectionTarget, live_target
from eventshop.runtime.backoff import Backoff
from eventshop.runtime.database_clock import database_now

#: The delays before retries.
BACKOFF: Final = Backoff(timedelta(seconds=5), timedelta(hours=1))
#: Dead letters of one aggregate that one retry folds in one transaction.
RETRY_BATCH: Final = 500
#: Aggregates looked for at a time whose events waited for this release: nearly all of them can be folded.
WAITING_LIMIT: Final = 200


class Unfolded(NamedTuple):
    """An event that was not folded, with its error; without one it waits, or queues behind an earlier event."""

    planned: PlannedEvent
    error: Exception | None
    waits_for: str = ""  # the schema that only a newer release knows


class RetryResult(NamedTuple):
    """How many dead letters a retry has folded, and how many remain."""

    folded: int
    remaining: int


def blocked_aggregates(name: str, aggregates: Collection[UUID]) -> dict[UUID, str]:
    """Those of these aggregates that have a queue, with what it waits for: empty behind a dead letter."""
    queues = DeadLetter.objects.filter(projection=name).values_list("aggregate_id", "waits_for").distinct()
    wanted = set(aggregates)
    return {aggregate_id: waits_for for aggregate_id, waits_for in queues if aggregate_id in wanted}


def awaited_schema(error: Exception, meta: Meta) -> str:
    """The name of the schema that an event waits for, after an error in reading it; empty if no release can mend it."""
    return f"{meta.event_type}/{meta.schema_version}"[:120] if isinstance(error, ProgramTooOld) else ""


def awaited_schemas(names: Collection[str] | None = None) -> list[str]:
    """The schemas that events of these projections (None: of all) wait for, in order; nearly always none."""
    waiting = DeadLetter.objects.exclude(waits_for="")
    if names is not None:
        waiting = waiting.filter(projection__in=names)
    return list(waiting.values_list("waits_for", flat=True).distinct().order_by("waits_for"))


def _can_read(schema: str) -> bool:
    event_type, _, version = schema.rpartition("/")
    return version.isdecimal() and registry.can_read(event_type, int(version))


def add_dead_letters(target: ProjectionTarget, unfolded: Sequence[Unfolded]) -> None:
    """Store events that were not folded, in order. Those that wait for a newer release are not published."""
    if unfolded:
        now = database_now()
        rows = [_dead_letter(target.name, item, now) for item in unfolded]
        DeadLetter.objects.bulk_create(rows)
        if target.is_published:
            outbox.add_dead_letters(row for row in rows if not row.waits_for)


def add_unreadable_records(target: ProjectionTarget, records: Sequence[UnreadableDelivery]) -> None:
    """Store records of the log that are no events of ours, byte for byte."""
    if records:
        now = database_now()
        rows = [_unreadable_record(target.name, record, now) for record in records]
        UnreadableRecord.objects.bulk_create(rows, ignore_conflicts=True)
        if target.is_published:
            outbox.add_unreadable_records(rows, records)


def due_retries(names: Collection[str], limit: int = 20) -> list[tuple[str, UUID]]:
    """The pairs of projection and aggregate whose first dead letter is due for a retry, or can be read by now."""
    pairs = DeadLetter.objects.filter(projection__in=names).values_list("projection", "aggregate_id")
    due = list(pairs.filter(next_attempt_at__lte=database_now()).order_by("next_attempt_at")[:limit])
    if readable := [schema for schema in awaited_schemas(names) if _can_read(schema)]:
        due += pairs.filter(waits_for__in=readable).distinct()[:WAITING_LIMIT]
    return due


def retry(name: str, aggregate_id: UUID) -> RetryResult:
    """Fold an aggregate's dead letters in order until one fails again. Raises `UnknownProjection`."""
    return retry_queue(live_target(projection_registry.get(name)), aggregate_id)


def retry_queue(target: ProjectionTarget, aggregate_id: UUID) -> RetryResult:
    """As `retry`, for any target."""
    limit, folded = RETRY_BATCH, 0
    while True:
        try:
            with transaction.atomic(), personal_columns.keys_transaction():
                result = _retry_batch(target, aggregate_id, limit)
        except ROW_ERRORS as error:
            if not is_row_error(error):
                raise
            # A refused row does not tell which event made it: halve the batch, down to the event at fault.
            if limit > 1:
                limit //= 2
                continue
            with transaction.atomic():
                first = _queue(target.name, aggregate_id).first()
                if first is not None:
                    _record_failure(first, error)
            return RetryResult(folded, _queue(target.name, aggregate_id).count())
        folded += result.folded
        if limit == RETRY_BATCH or result.folded < limit or not result.remaining:
            return RetryResult(folded, result.remaining)


def _retry_batch(target: ProjectionTarget, aggregate_id: UUID, limit: int) -> RetryResult:
    lock_shared_rows(target.projection, target.table.name)
    erasure_locks.block_all_erasures()  # before the checkpoint, as batches do, to avoid a deadlock
    # The checkpoint's lock keeps the worker from adding to the queue, or folding past it, meanwhile.
    first = _queue(target.name, aggregate_id).first()
    if first is None:
        return RetryResult(0, 0)
    checkpoint = Checkpoint.objects.select_for_update().get(projection=target.name, partition=first.partition)
    queue = list(_queue(target.name, aggregate_id)[:limit])
    folded, failure = _fold(target, queue)
    DeadLetter.objects.filter(pk__in=[row.pk for row in queue[:folded]]).delete()
    Checkpoint.objects.filter(pk=checkpoint.pk).update(parked=F("parked") - folded)
    remaining = _queue(target.name, aggregate_id)
    if failure is not None:
        _stop_at(target, queue[folded], *failure)
    elif (following := remaining.first()) is not None:
        DeadLetter.objects.filter(pk=following.pk).update(next_attempt_at=database_now())
    return RetryResult(folded, remaining.count())


def _stop_at(target: ProjectionTarget, row: DeadLetter, error: Exception, planned: PlannedEvent) -> None:
    """Record why an event could not be folded. What had waited with it for this release is published from now on."""
    waits_for = awaited_schema(error, planned.meta)
    queue = _queue(target.name, row.aggregate_id)
    if waits_for:
        queue.update(waits_for=waits_for, next_attempt_at=None)
        return
    _record_failure(row, error, planned)
    waited = [item.pk for item in queue.exclude(waits_for="")]
    if waited:
        queue.update(waits_for="")
        if target.is_published:
            outbox.add_dead_letters(DeadLetter.objects.filter(pk__in=waited).order_by("position"))


def _fold(target: ProjectionTarget, queue: Sequence[DeadLetter]) -> tuple[int, tuple[Exception, PlannedEvent] | None]:
    """Write the rows of the first dead letters that can be folded: how many, and what the next one raised."""
    placeholders = ", ".join(["%s"] * len(queue))
    # From the store, which has these events even when the log has lost them.
    rows = backend().select_events(
        f"WHERE position IN ({placeholders}) ORDER BY position", [row.position for row in queue]
    )
    by_position = {row.position: row for row in queue}
    planned = plan_events(
        target.projection,
        [DeliveredEvent(by_position[row.position].offset, row, by_position[row.position].partition) for row in rows],
    )
    planned = personal_columns.hold_off_erasures(target.projection, planned)
    keys = {target.projection.primary_key(change.key) for event in planned for change in event.changes}
    folding = Fold(target.projection, target.table.load(keys))
    failure: tuple[Exception, PlannedEvent] | None = None
    folded = 0
    for event in planned:
        try:
            if event.error is not None:
                raise event.error
            folding.apply(event)
        except Exception as error:  # a handler may raise anything; the error belongs to this event
            failure = error, event
            break
        folded += 1
    target.table.save(folding.changed.values())
    return folded, failure


def _queue(name: str, aggregate_id: UUID) -> Any:
    return DeadLetter.objects.filter(projection=name, aggregate_id=aggregate_id).order_by("position")


def _dead_letter(name: str, unfolded: Unfolded, now: datetime) -> DeadLetter:
    planned, error, waits_for = unfolded
    meta = planned.meta
    return DeadLetter(
        projection=name,
        aggregate_id=meta.aggregate_id,
        aggregate_type=meta.aggregate_type,
        partition=planned.partition,
        offset=planned.offset,
        sequence=planned.sequence,
        position=meta.position,
        version=meta.version,
        event_id=meta.event_id,
        event_type=meta.event_type,
        error=_describe(error, planned) if error else "",
        traceback=_format_traceback(error, planned) if error else "",
        attempts=1 if error else 0,
        parked_at=now,
        last_attempt_at=now if error else None,
        next_attempt_at=now + BACKOFF.first if error else None,
        waits_for=waits_for,
    )


def _unreadable_record(name: str, record: UnreadableDelivery, now: datetime) -> UnreadableRecord:
    return UnreadableRecord(
        projection=name,
        topic=record.topic,
        partition=record.partition,
        offset=record.offset - 1,
        key=record.key,
        value=record.value,
        headers=[[_storable(key), _storable((value or b"").decode("latin-1"))] for key, value in record.headers],
        error=_storable(record.error)[:500],
        found_at=now,
    )


def _record_failure(row: DeadLetter, error: Exception, planned: PlannedEvent | None = None) -> None:
    now = database_now()
    wait = BACKOFF.delay(row.attempts + 1)
    DeadLetter.objects.filter(pk=row.pk).update(
        error=_describe(error, planned),
        traceback=_format_traceback(error, planned),
        attempts=F("attempts") + 1,
        last_attempt_at=now,
        next_attempt_at=now + wait,
    )


def _describe(error: Exception, planned: PlannedEvent | None = None) -> str:
    return _storable(mask_personal_data(f"{type(error).__name__}: {error}", planned))[:500]


def _format_traceback(error: Exception, planned: PlannedEvent | None = None) -> str:
    return _storable(mask_personal_data("".join(traceback.format_exception(error)), planned))[-20_000:]


def _storable(text: str) -> str:
    """The text without characters that a database refuses: an error that cannot be stored would stop the projection."""
    return text.encode(errors="backslashreplace").decode().replace("\x00", "\\x00")
