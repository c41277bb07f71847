"""Process a batch in one transaction: lock the checkpoints, load rows, fold, write rows, advance the checkpoints."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, TypeAlias
from uuid import UUID

from django.db import transaction

from eventshop.core.log_context import log_context
from eventshop.messaging.event_log import DeliveredEvent, Delivery, LogOffset, UnreadableDelivery
from eventshop.projections import checkpoints, dead_letters, personal_columns
from eventshop.projections.checkpoints import CheckpointMove, CheckpointsByPartition
from eventshop.projections.dead_letters import Unfolded
from eventshop.projections.fold import Fold, PlannedEvent, plan_events
from eventshop.projections.read_model_table import ROW_ERRORS, is_row_error
from eventshop.projections.row_locks import begin_batch
from eventshop.projections.targets import ProjectionTarget, corrections_of
from eventshop.runtime import tracing
from eventshop.runtime.fault_injection import crash_point
from eventshop.runtime.log_errors import describe_error

log = logging.getLogger(__name__)

#: One record of a batch: an event with the rows that it changes, or a record that cannot be read.
PlannedRecord: TypeAlias = PlannedEvent | UnreadableDelivery


def process_batch(target: ProjectionTarget, cached: CheckpointsByPartition, delivered: Sequence[Delivery]) -> None:
    """Fold deliveries into the rows and advance the checkpoints, in the database and in `cached`.

    An event that fails becomes a dead letter; one that only a newer release can read waits for it. When the database
    refuses the rows of a batch, the batch is halved, down to the event at fault. Raises `CheckpointMoved` when another
    worker has advanced a checkpoint.
    """
    readable = [item for item in delivered if isinstance(item, DeliveredEvent)]
    corrections = target.corrections
    if target.is_published and any(row.corrected for row in cached.values()):
        corrections = corrections_of(target.name, [item.row.event_id for item in readable])
    events = iter(plan_events(target.projection, readable, corrections=corrections))
    planned: list[PlannedRecord] = [
        item if isinstance(item, UnreadableDelivery) else next(events) for item in delivered
    ]
    if planned:
        with _batch_span(target, planned):
            _process_or_halve(target, cached, planned)


def _batch_span(target: ProjectionTarget, planned: Sequence[PlannedRecord]) -> AbstractContextManager[object]:
    """A span for a batch that changes rows, linked with the spans of its events."""
    if not tracing.is_on():
        return nullcontext()
    metas = [item.meta for item in planned if isinstance(item, PlannedEvent) and item.changes]
    causes = [str(meta.metadata.get("traceparent", "")) for meta in metas]
    if not any(causes):
        return nullcontext()
    return tracing.span("project", target.name, kind="consumer", causes=causes, events=len(metas))


def _process_or_halve(
    target: ProjectionTarget, cached: CheckpointsByPartition, planned: Sequence[PlannedRecord]
) -> None:
    try:
        return _process(target, cached, planned)
    except ROW_ERRORS as error:
        if not is_row_error(error):
            raise
        if len(planned) == 1:
            if isinstance(planned[0], UnreadableDelivery):
                raise
            return _process(target, cached, [planned[0]._replace(error=error, changes=[])])
    middle = len(planned) // 2
    _process_or_halve(target, cached, planned[:middle])
    _process_or_halve(target, cached, planned[middle:])


def _process(target: ProjectionTarget, cached: CheckpointsByPartition, planned: Sequence[PlannedRecord]) -> None:
    partitions = {item.partition for item in planned}
    with transaction.atomic(), personal_columns.keys_transaction():
        begin_batch(target.projection, target.table.name)
        # Most events concern few of the projections: the others only advance the checkpoint.
        events = [item for item in planned if isinstance(item, PlannedEvent) and (item.changes or item.error)]
        if target.skipped:
            events = [event for event in events if event.meta.event_id not in target.skipped]
        events = personal_columns.hold_off_erasures(target.projection, events)
        rows = checkpoints.lock_and_verify({number: cached[number] for number in sorted(partitions)})
        blocked: dict[UUID, str] = {}
        if any(row.parked for row in rows.values()):
            blocked = dead_letters.blocked_aggregates(target.name, {event.meta.aggregate_id for event in events})
        keys = {target.projection.primary_key(change.key) for event in events for change in event.changes}
        folding = target.begin_fold(keys)
        failures = _fold(folding, events, blocked)
        target.save(folding)
        dead_letters.add_dead_letters(target, failures)
        dead_letters.add_unreadable_records(target, [item for item in planned if isinstance(item, UnreadableDelivery)])
        moves = _moves_after(rows, planned, Counter(failure.planned.partition for failure in failures))
        checkpoints.advance(rows, moves)
        crash_point("projection.before-commit")
    for number, move in moves.items():
        checkpoints.move_to(cached[number], move.offset)


def _fold(folding: Fold[Any], events: Sequence[PlannedEvent], blocked: dict[UUID, str]) -> list[Unfolded]:
    """Fold events that change rows; returns those that failed or wait, and those that queue behind one of `blocked`.

    `blocked` has, by aggregate, what its first event waits for: empty behind a dead letter.
    """
    unfolded: list[Unfolded] = []
    for event in events:
        if (waits_for := blocked.get(event.meta.aggregate_id)) is not None:
            unfolded.append(Unfolded(event, None, waits_for))
            continue
        try:
            if event.error is not None:
                raise event.error
            folding.apply(event)
        except Exception as error:  # a handler may raise anything; the error belongs to this event
            waits_for = dead_letters.awaited_schema(error, event.meta)
            blocked[event.meta.aggregate_id] = waits_for
            with log_context(projection=folding.projection.name, event=event.meta):
                log.warning("an event is set aside: %s", describe_error(error))
            unfolded.append(Unfolded(event, None if waits_for else error, waits_for))
    return unfolded


def _moves_after(
    rows: CheckpointsByPartition, planned: Sequence[PlannedRecord], new_dead_letters: Counter[int]
) -> dict[int, CheckpointMove]:
    """How each checkpoint moves by this batch."""
    offsets = checkpoints.offsets_of(rows)
    for item in planned:
        if isinstance(item, PlannedEvent):
            offsets[item.partition] = LogOffset(item.offset, item.sequence, item.meta.position)
        else:
            offsets[item.partition] = offsets[item.partition]._replace(offset=item.offset)
    events = Counter(item.partition for item in planned)
    return {number: CheckpointMove(offsets[number], events[number], new_dead_letters[number]) for number in events}
