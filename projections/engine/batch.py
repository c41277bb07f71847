"""One batch: lock the checkpoint, load, fold, write, move the checkpoint, in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db import DatabaseError, InterfaceError, OperationalError, connection, transaction

from eventshop.log.base import Delivered
from projections.engine import checkpoint, parking
from projections.engine.fold import Fold, Step, steps
from projections.engine.parking import Place
from projections.engine.tables import Checkpoint


def project(place: Place, seen: Checkpoint, delivered: Sequence[Delivered]) -> int:
    """Fold delivered events into the rows and move the checkpoint past them; gives the new position.

    An event that fails is parked. When the database refuses the rows of the whole batch, halves of it are tried,
    down to the one event that is at fault. Raises `CheckpointMoved` when another worker was here.
    """
    planned = steps(place.projection, delivered, seen.partition)
    return _project(place, seen, planned)


def _project(place: Place, seen: Checkpoint, planned: Sequence[Step]) -> int:
    try:
        return _written(place, seen, planned)
    except (OperationalError, InterfaceError):
        raise  # the database is away: nobody's fault
    except (DatabaseError, ArithmeticError, TypeError, ValueError) as error:
        if len(planned) == 1:
            return _written(place, seen, [planned[0]._replace(error=error, touches=[])])
    middle = len(planned) // 2
    seen.position = _project(place, seen, planned[:middle])
    return _project(place, seen, planned[middle:])


def _written(place: Place, seen: Checkpoint, planned: Sequence[Step]) -> int:
    with transaction.atomic():
        row = checkpoint.locked(seen)
        blocked = parking.blocked(place.name, {step.meta.aggregate_id for step in planned}) if row.parked else set()
        keys = {place.projection.primary_key(touch.key) for step in planned for touch in step.touches}
        folding = Fold(place.projection, place.table.load(keys), seen.partition)
        waiting = _fold(folding, planned, blocked)
        place.table.save(folding.changed.values())
        parked = parking.park(place.name, seen.partition, waiting) if waiting else 0
        checkpoint.advance(row, planned[-1].offset, events=len(planned), parked=parked)
    return planned[-1].offset


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


def relax_commits() -> None:
    """Answer a commit before it is on disk: should it vanish, rows and checkpoint vanish together and come again."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET synchronous_commit TO off")
