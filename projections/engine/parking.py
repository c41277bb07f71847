"""Setting a poison event aside without losing order: later events of its aggregate queue behind it."""

from __future__ import annotations

import traceback
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

from django.db import DatabaseError, transaction
from django.db.models import F
from django.utils import timezone

from eventshop.core.message import Meta
from eventshop.log.base import Delivered
from eventshop.store.engine import engine
from projections.engine.fold import Fold, Step, steps
from projections.engine.projection import Projection, catalogue
from projections.engine.table import Table
from projections.engine.tables import Checkpoint, ParkedEvent

#: The wait before the first retry; it doubles with each attempt, up to an hour.
FIRST_WAIT: Final = timedelta(seconds=5)
LONGEST_WAIT: Final = timedelta(hours=1)
#: Parked events of one aggregate that one retry takes in one transaction.
AT_ONCE: Final = 500


class Drained(NamedTuple):
    """What a retry achieved."""

    drained: int
    remaining: int


class Place(NamedTuple):
    """Where a projection's parked events and rows are: the live ones, or those of a rebuild."""

    projection: Projection[Any]
    name: str
    table: Table[Any]


def live(projection: Projection[Any]) -> Place:
    return Place(projection, projection.name, Table(projection.model))


def blocked(name: str, aggregates: Collection[UUID]) -> set[UUID]:
    """Those of these aggregates that have a parked event."""
    parked = ParkedEvent.objects.filter(projection=name).values_list("aggregate_id", flat=True).distinct()
    return set(parked) & set(aggregates)


def park(name: str, partition: int, waiting: Iterable[tuple[Step, Exception | None]]) -> int:
    """Set events aside in order, each with its error or, without one, behind an earlier event."""
    now = timezone.now()
    rows = [_parked(name, partition, step.meta, step.offset, error, now) for step, error in waiting]
    ParkedEvent.objects.bulk_create(rows)
    return len(rows)


def due(names: Collection[str], limit: int = 20) -> list[tuple[str, UUID]]:
    """Which projection should retry which aggregate now."""
    return list(
        ParkedEvent.objects.filter(projection__in=names, next_attempt_at__lte=timezone.now())
        .order_by("next_attempt_at")
        .values_list("projection", "aggregate_id")[:limit]
    )


def retry(name: str, aggregate_id: UUID) -> Drained:
    """Fold an aggregate's parked events in order until one fails again. Raises `UnknownProjection`."""
    return drain(live(catalogue.get(name)), aggregate_id)


def drain(place: Place, aggregate_id: UUID) -> Drained:
    """As `retry`, for any place."""
    limit = AT_ONCE
    while True:
        try:
            with transaction.atomic():
                return _drain(place, aggregate_id, limit)
        except DatabaseError as error:
            # A row the database refuses does not say which event made it: go on one by one, then it does.
            if limit > 1:
                limit = 1
                continue
            with transaction.atomic():
                first = _queue(place.name, aggregate_id).first()
                if first is not None:
                    _failed_again(first, error)
            return Drained(0, _queue(place.name, aggregate_id).count())


def _drain(place: Place, aggregate_id: UUID, limit: int) -> Drained:
    # The checkpoint's lock is what keeps the worker from adding to the queue, or passing it, meanwhile.
    checkpoint = Checkpoint.objects.select_for_update().get(projection=place.name, partition=0)
    queue = list(_queue(place.name, aggregate_id)[:limit])
    folded, failure = _fold(place, queue, checkpoint.partition)
    done = [row.pk for row in queue[:folded]]
    ParkedEvent.objects.filter(pk__in=done).delete()
    Checkpoint.objects.filter(pk=checkpoint.pk).update(parked=F("parked") - len(done))
    remaining = _queue(place.name, aggregate_id)
    if failure is not None:
        _failed_again(queue[folded], failure)
    elif (following := remaining.first()) is not None:
        ParkedEvent.objects.filter(pk=following.pk).update(next_attempt_at=timezone.now())
    return Drained(folded, remaining.count())


def _fold(place: Place, queue: Sequence[ParkedEvent], partition: int) -> tuple[int, Exception | None]:
    """Write the rows of the first parked events that can be folded: how many, and what the next one raised."""
    positions = [row.position for row in queue]
    if not positions:
        return 0, None
    marks = ", ".join(["%s"] * len(positions))
    rows = engine().select(f"WHERE position IN ({marks}) ORDER BY position", positions)
    planned = steps(place.projection, [Delivered(row.position, row) for row in rows], partition)
    keys = {place.projection.primary_key(touch.key) for step in planned for touch in step.touches}
    folding = Fold(place.projection, place.table.load(keys), partition)
    failure: Exception | None = None
    folded = 0
    for step in planned:
        try:
            if step.error is not None:
                raise step.error
            folding.apply(step)
        except Exception as error:  # a handler may raise anything; it is this event's error
            failure = error
            break
        folded += 1
    place.table.save(folding.changed.values())
    return folded, failure


def _queue(name: str, aggregate_id: UUID) -> Any:
    return ParkedEvent.objects.filter(projection=name, aggregate_id=aggregate_id).order_by("position")


def _parked(name: str, partition: int, meta: Meta, offset: int, error: Exception | None, now: datetime) -> ParkedEvent:
    return ParkedEvent(
        projection=name,
        aggregate_id=meta.aggregate_id,
        aggregate_type=meta.aggregate_type,
        partition=partition,
        position=meta.position,
        version=meta.version,
        event_id=meta.event_id,
        event_type=meta.event_type,
        error=_sentence(error) if error else "",
        traceback=_trace(error) if error else "",
        attempts=1 if error else 0,
        parked_at=now,
        last_attempt_at=now if error else None,
        next_attempt_at=now + FIRST_WAIT if error else None,
    )


def _failed_again(row: ParkedEvent, error: Exception) -> None:
    now = timezone.now()
    wait = min(FIRST_WAIT * 2 ** min(row.attempts, 20), LONGEST_WAIT)
    ParkedEvent.objects.filter(pk=row.pk).update(
        error=_sentence(error),
        traceback=_trace(error),
        attempts=F("attempts") + 1,
        last_attempt_at=now,
        next_attempt_at=now + wait,
    )


def _sentence(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:500]


def _trace(error: Exception) -> str:
    return "".join(traceback.format_exception(error))[-20_000:]
