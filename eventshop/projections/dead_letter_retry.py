"""Fold dead letters again, in order, until one fails again; or only say what a retry would do."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from datetime import timedelta
from types import MappingProxyType
from typing import Any, Final, NamedTuple
from uuid import UUID

from django.db import transaction
from django.db.models import F

from eventshop.eventstore.backends.protocol import backend
from eventshop.messaging.event_log import DeliveredEvent
from eventshop.privacy.erasure import erasure_locks
from eventshop.projections import dead_letters, outbox, personal_columns
from eventshop.projections.dead_letters import queue_of
from eventshop.projections.fold import Corrections, DerivedColumnsFailed, Fold, PlannedEvent, plan_events
from eventshop.projections.historical_queries import RowDifference, differing_columns, mask_personal
from eventshop.projections.models import Checkpoint, DeadLetter
from eventshop.projections.projection import projection_registry
from eventshop.projections.read_model_table import ROW_ERRORS, is_row_error
from eventshop.projections.row_locks import lock_shared_rows
from eventshop.projections.targets import ProjectionTarget, corrections_of, live_target
from eventshop.runtime.database_clock import database_now

#: Dead letters of one aggregate that one retry folds in one transaction.
RETRY_BATCH: Final = 500


class RetryResult(NamedTuple):
    """How many dead letters a retry has folded, and how many remain."""

    folded: int
    remaining: int


class RetryPreview(NamedTuple):
    """What a retry would do now: how many events it would fold, which rows would change, and the error that remains."""

    folded: int
    remaining: int
    error: str
    rows: list[RowDifference]


def retry(name: str, aggregate_id: UUID, *, up_to: int | None = None) -> RetryResult:
    """Fold an aggregate's dead letters in order until one fails again, or up to a position of the store.

    What is behind that position goes on by itself after the longest back-off. Raises `UnknownProjection`.
    """
    return retry_queue(live_target(projection_registry.get(name)), aggregate_id, up_to=up_to)


def retry_queue(target: ProjectionTarget, aggregate_id: UUID, *, up_to: int | None = None) -> RetryResult:
    """As `retry`, for any target."""
    limit, folded = RETRY_BATCH, 0
    while True:
        try:
            with transaction.atomic(), personal_columns.keys_transaction():
                result = _retry_batch(target, aggregate_id, limit, up_to)
        except ROW_ERRORS as error:
            if not is_row_error(error):
                raise
            # A refused row does not tell which event made it: halve the batch, down to the event at fault.
            if limit > 1:
                limit //= 2
                continue
            with transaction.atomic():
                first = queue_of(target.name, aggregate_id).first()
                if first is not None:
                    _record_failure(first, error)
            return RetryResult(folded, queue_of(target.name, aggregate_id).count())
        folded += result.folded
        if limit == RETRY_BATCH or result.folded < limit or not result.remaining:
            return RetryResult(folded, result.remaining)


def preview_retry(name: str, aggregate_id: UUID, proposed: Corrections = MappingProxyType({})) -> RetryPreview:
    """What a retry of an aggregate's dead letters would do now, up to `RETRY_BATCH`; changes nothing.

    `proposed`: corrections as if they held already.

    A row that the database would refuse is not foreseen. Raises `UnknownProjection`.
    """
    target = live_target(projection_registry.get(name))
    queue = list(queue_of(name, aggregate_id)[:RETRY_BATCH])
    planned = _plan(target, queue, proposed)
    folding = target.begin_fold(_keys_of(target, planned))
    before = {key: copy(row) for key, row in folding.rows.items()}
    folded, failure = _apply(folding, planned)
    try:
        changed = folding.changed
    except DerivedColumnsFailed as failed:
        text = (
            f"{type(failed.__cause__).__name__} in the derived columns of row {failed.primary_key}"  # without its text
        )
        return RetryPreview(0, queue_of(name, aggregate_id).count(), text, [])
    rows = [
        RowDifference(str(key), mask_personal(target.projection, columns))
        for key, row in changed.items()
        if (columns := differing_columns(before.get(key), row))
    ]
    error = dead_letters.summarize_error(*failure) if failure else ""
    return RetryPreview(folded, queue_of(name, aggregate_id).count() - folded, error, rows)


def _retry_batch(target: ProjectionTarget, aggregate_id: UUID, limit: int, up_to: int | None) -> RetryResult:
    lock_shared_rows(target.projection, target.table.name)
    erasure_locks.block_all_erasures()  # before the checkpoint, as batches do, to avoid a deadlock
    # The checkpoint's lock keeps the worker from adding to the queue, or folding past it, meanwhile.
    first = queue_of(target.name, aggregate_id).first()
    if first is None:
        return RetryResult(0, 0)
    checkpoint = Checkpoint.objects.select_for_update().get(projection=target.name, partition=first.partition)
    wanted = queue_of(target.name, aggregate_id)
    queue = list((wanted if up_to is None else wanted.filter(position__lte=up_to))[:limit])
    folded, failure = _fold(target, queue)
    DeadLetter.objects.filter(pk__in=[row.pk for row in queue[:folded]]).delete()
    Checkpoint.objects.filter(pk=checkpoint.pk).update(parked=F("parked") - folded)
    remaining = queue_of(target.name, aggregate_id)
    if failure is not None:
        _stop_at(target, queue[folded], *failure)
    elif (following := remaining.first()) is not None:
        pause = dead_letters.BACKOFF.longest if up_to is not None and following.position > up_to else timedelta(0)
        DeadLetter.objects.filter(pk=following.pk).update(next_attempt_at=database_now() + pause)
    return RetryResult(folded, remaining.count())


def _stop_at(target: ProjectionTarget, row: DeadLetter, error: Exception, planned: PlannedEvent) -> None:
    """Record why an event could not be folded. What had waited with it for this release is published from now on."""
    waits_for = dead_letters.awaited_schema(error, planned.meta)
    queue = queue_of(target.name, row.aggregate_id)
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
    planned = personal_columns.hold_off_erasures(target.projection, _plan(target, queue))
    folding = target.begin_fold(_keys_of(target, planned))
    folded, failure = _apply(folding, planned)
    target.save(folding)
    return folded, failure


def _plan(
    target: ProjectionTarget, queue: Sequence[DeadLetter], proposed: Corrections = MappingProxyType({})
) -> list[PlannedEvent]:
    placeholders = ", ".join(["%s"] * len(queue))
    # From the store, which has these events even when the log has lost them.
    rows = backend().select_events(
        f"WHERE position IN ({placeholders}) ORDER BY position", [row.position for row in queue]
    )
    by_position = {row.position: row for row in queue}
    return plan_events(
        target.projection,
        [DeliveredEvent(by_position[row.position].offset, row, by_position[row.position].partition) for row in rows],
        corrections={**corrections_of(target.name, [row.event_id for row in rows]), **proposed},
    )


def _keys_of(target: ProjectionTarget, planned: Sequence[PlannedEvent]) -> set[Any]:
    return {target.projection.primary_key(change.key) for event in planned for change in event.changes}


def _apply(folding: Fold[Any], planned: Sequence[PlannedEvent]) -> tuple[int, tuple[Exception, PlannedEvent] | None]:
    for folded, event in enumerate(planned):
        try:
            if event.error is not None:
                raise event.error
            folding.apply(event)
        except Exception as error:  # a handler may raise anything; the error belongs to this event
            return folded, (error, event)
    return len(planned), None


def _record_failure(row: DeadLetter, error: Exception, planned: PlannedEvent | None = None) -> None:
    now = database_now()
    wait, text = dead_letters.BACKOFF.delay(row.attempts + 1), dead_letters.summarize_error(error, planned)
    DeadLetter.objects.filter(pk=row.pk).update(
        error=text,
        fingerprint=dead_letters.fingerprint_of(row.event_type, text),
        traceback=dead_letters.format_traceback(error, planned),
        attempts=F("attempts") + 1,
        last_attempt_at=now,
        next_attempt_at=now + wait,
    )
