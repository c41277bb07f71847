"""One batch: lock the checkpoints, load, fold, write, move the checkpoints, in one transaction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, TypeAlias
from uuid import UUID

from django.db import transaction

from eventshop.messaging.event_log import Delivery, Place, Unreadable
from eventshop.projections import checkpoints, parking, personal_columns
from eventshop.projections.checkpoints import Moved, Seen
from eventshop.projections.fold import Fold, Step, steps
from eventshop.projections.parking import Site
from eventshop.projections.read_model_table import REFUSED, blames_the_row
from eventshop.projections.row_locks import begin_batch
from eventshop.runtime.fault_injection import point

#: Something to get past: an event with what it touches, or a record that is none.
Planned: TypeAlias = Step | Unreadable


def project(site: Site, seen: Seen, delivered: Sequence[Delivery]) -> None:
    """Fold what was delivered into the rows and move the checkpoints, here and in the database, past it.

    An event that fails is parked. When the database refuses the rows of the whole batch, halves of it are tried, down
    to the one event that is at fault. Raises `CheckpointMoved` when another worker was here.
    """
    planned: list[Planned] = []
    for item in delivered:
        planned += [item] if isinstance(item, Unreadable) else steps(site.projection, [item])
    if planned:
        _project(site, seen, planned)


def _project(site: Site, seen: Seen, planned: Sequence[Planned]) -> None:
    try:
        return _written(site, seen, planned)
    except REFUSED as error:
        if not blames_the_row(error):
            raise
        if len(planned) == 1:
            if isinstance(planned[0], Unreadable):
                raise
            return _written(site, seen, [planned[0]._replace(error=error, touches=[])])
    middle = len(planned) // 2
    _project(site, seen, planned[:middle])
    _project(site, seen, planned[middle:])


def _written(site: Site, seen: Seen, planned: Sequence[Planned]) -> None:
    moving = {item.partition for item in planned}
    with transaction.atomic(), personal_columns.together():
        begin_batch(site.projection, site.table.name)
        planned = personal_columns.held(site.projection, planned)
        happened = [item for item in planned if isinstance(item, Step)]
        rows = checkpoints.locked({number: seen[number] for number in sorted(moving)})
        any_parked = any(row.parked for row in rows.values())
        blocked = parking.blocked(site.name, {step.meta.aggregate_id for step in happened}) if any_parked else set()
        keys = {site.projection.primary_key(touch.key) for step in happened for touch in step.touches}
        folding = Fold(site.projection, site.table.load(keys))
        waiting = _fold(folding, happened, blocked)
        site.table.save(folding.changed.values())
        parking.park(site, waiting)
        parking.set_aside(site, [item for item in planned if isinstance(item, Unreadable)])
        moves = _moves(rows, planned, Counter(step.partition for step, _ in waiting))
        checkpoints.advance(rows, moves)
        point("projection.before-commit")
    for number, move in moves.items():
        seen[number].position, seen[number].sequence, seen[number].store_position = move.place


def _fold(folding: Fold[Any], planned: Sequence[Step], blocked: set[UUID]) -> list[tuple[Step, Exception | None]]:
    """Fold what can be folded; gives the events to park: those that failed, and those queueing behind one."""
    waiting: list[tuple[Step, Exception | None]] = []
    for step in planned:
        if step.meta.aggregate_id in blocked:
            if step.touches or step.error:
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


def _moves(rows: Seen, planned: Sequence[Planned], parked: Counter[int]) -> dict[int, Moved]:
    """Where each partition stands after this batch."""
    at = checkpoints.places(rows)
    for item in planned:
        last = at[item.partition]
        if isinstance(item, Step):
            at[item.partition] = Place(item.offset, item.sequence, item.meta.position)
        else:
            at[item.partition] = last._replace(offset=item.offset)
    seen = Counter(item.partition for item in planned)
    return {number: Moved(at[number], seen[number], parked[number]) for number in seen}
