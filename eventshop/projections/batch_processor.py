"""One batch: lock the checkpoints, load, fold, write, move the checkpoints, in one transaction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, TypeAlias
from uuid import UUID

from django.db import transaction

from eventshop.messaging.event_log import Delivery, LogOffset, UnreadableDelivery
from eventshop.projections import checkpoints, dead_letters, personal_columns
from eventshop.projections.checkpoints import CheckpointMove, CheckpointsByPartition
from eventshop.projections.dead_letters import ProjectionTarget
from eventshop.projections.fold import Fold, PlannedEvent, plan_events
from eventshop.projections.read_model_table import ROW_ERRORS, is_row_error
from eventshop.projections.row_locks import begin_batch
from eventshop.runtime.fault_injection import crash_point

#: Something to get past: an event with what it touches, or a record that is none.
PlannedRecord: TypeAlias = PlannedEvent | UnreadableDelivery


def process_batch(site: ProjectionTarget, seen: CheckpointsByPartition, delivered: Sequence[Delivery]) -> None:
    """Fold what was delivered into the rows and move the checkpoints, here and in the database, past it.

    An event that fails is parked. When the database refuses the rows of the whole batch, halves of it are tried, down
    to the one event that is at fault. Raises `CheckpointMoved` when another worker was here.
    """
    planned: list[PlannedRecord] = []
    for item in delivered:
        planned += [item] if isinstance(item, UnreadableDelivery) else plan_events(site.projection, [item])
    if planned:
        _project(site, seen, planned)


def _project(site: ProjectionTarget, seen: CheckpointsByPartition, planned: Sequence[PlannedRecord]) -> None:
    try:
        return _written(site, seen, planned)
    except ROW_ERRORS as error:
        if not is_row_error(error):
            raise
        if len(planned) == 1:
            if isinstance(planned[0], UnreadableDelivery):
                raise
            return _written(site, seen, [planned[0]._replace(error=error, changes=[])])
    middle = len(planned) // 2
    _project(site, seen, planned[:middle])
    _project(site, seen, planned[middle:])


def _written(site: ProjectionTarget, seen: CheckpointsByPartition, planned: Sequence[PlannedRecord]) -> None:
    moving = {item.partition for item in planned}
    with transaction.atomic(), personal_columns.keys_transaction():
        begin_batch(site.projection, site.table.name)
        planned = personal_columns.hold_off_erasures(site.projection, planned)
        happened = [item for item in planned if isinstance(item, PlannedEvent)]
        rows = checkpoints.lock_and_verify({number: seen[number] for number in sorted(moving)})
        any_parked = any(row.parked for row in rows.values())
        blocked = (
            dead_letters.blocked_aggregates(site.name, {step.meta.aggregate_id for step in happened})
            if any_parked
            else set()
        )
        keys = {site.projection.primary_key(touch.key) for step in happened for touch in step.changes}
        folding = Fold(site.projection, site.table.load(keys))
        waiting = _fold(folding, happened, blocked)
        site.table.save(folding.changed.values())
        dead_letters.add_dead_letters(site, waiting)
        dead_letters.add_unreadable_records(site, [item for item in planned if isinstance(item, UnreadableDelivery)])
        moves = _moves(rows, planned, Counter(step.partition for step, _ in waiting))
        checkpoints.advance(rows, moves)
        crash_point("projection.before-commit")
    for number, move in moves.items():
        seen[number].position, seen[number].sequence, seen[number].store_position = move.place


def _fold(
    folding: Fold[Any], planned: Sequence[PlannedEvent], blocked: set[UUID]
) -> list[tuple[PlannedEvent, Exception | None]]:
    """Fold what can be folded; gives the events to park: those that failed, and those queueing behind one."""
    waiting: list[tuple[PlannedEvent, Exception | None]] = []
    for step in planned:
        if step.meta.aggregate_id in blocked:
            if step.changes or step.error:
                waiting.append((step, None))
            continue
        try:
            if step.error is not None:
                raise step.error
            folding.apply(step)
        except Exception as error:  # a change may raise anything; it is this event's error
            blocked.add(step.meta.aggregate_id)
            waiting.append((step, error))
    return waiting


def _moves(
    rows: CheckpointsByPartition, planned: Sequence[PlannedRecord], parked: Counter[int]
) -> dict[int, CheckpointMove]:
    """Where each partition stands after this batch."""
    at = checkpoints.offsets_of(rows)
    for item in planned:
        last = at[item.partition]
        if isinstance(item, PlannedEvent):
            at[item.partition] = LogOffset(item.offset, item.sequence, item.meta.position)
        else:
            at[item.partition] = last._replace(offset=item.offset)
    seen = Counter(item.partition for item in planned)
    return {number: CheckpointMove(at[number], seen[number], parked[number]) for number in seen}
