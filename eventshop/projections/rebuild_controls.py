"""What an operator can say to a rebuild: pause, go on, slower, cancel, switch.

The process that runs it reads the word within a second; what waits for somebody is run by no process.
"""

from __future__ import annotations

from typing import Any, Final

from django.db import transaction
from django.utils import timezone

from eventshop.core.errors import InvalidMessage, ProjectionError
from eventshop.projections.models import Checkpoint, Rebuild
from eventshop.projections.projection import projection_registry
from eventshop.projections.targets import discard, rebuild_target
from eventshop.runtime.leases import is_unleased

State = Rebuild.State
MAX_EVENTS_PER_S: Final = 1_000_000


def pause(job: Rebuild) -> None:
    """Let a rebuild stand still; what it has folded stays. Raises `ProjectionError` unless it is open."""
    _change(job, (State.REQUESTED, State.RUNNING), "paused", state=State.PAUSED, rate=0)


def resume(job: Rebuild) -> None:
    """Let a paused rebuild go on. Raises `ProjectionError` unless it is paused."""
    job.refresh_from_db()
    # Running: a process goes on from the rows that are there. One that has not begun must not find those of another.
    _change(job, (State.PAUSED,), "resumed", state=State.RUNNING if job.started_at else State.REQUESTED)


def throttle(job: Rebuild, events_per_s: int | None) -> None:
    """Limit the events that a rebuild folds per second; None: no limit. Raises `InvalidMessage`, `ProjectionError`."""
    check_pace(events_per_s)
    _change(job, Rebuild.OPEN, "throttled", events_per_s=events_per_s)


def check_pace(events_per_s: int | None) -> None:
    """Raise `InvalidMessage` for a limit of events per second with which no rebuild ends, or that says nothing."""
    if events_per_s is not None and not 1 <= events_per_s <= MAX_EVENTS_PER_S:
        raise InvalidMessage(f"a rebuild folds 1 to {MAX_EVENTS_PER_S:,} events per second, not {events_per_s}")


def cancel(job: Rebuild) -> None:
    """End a rebuild and drop its rows; the live rows stay. Raises `ProjectionError` unless it is open."""
    if job.requested_by == "engine":
        raise ProjectionError(
            f"{job.projection} cannot go on without this rebuild: pause it", projection=job.projection
        )
    _change(job, Rebuild.OPEN, "cancelled", state=State.CANCELLED, rate=0, finished_at=timezone.now())
    discard_cancelled(job.projection)


def switch(job: Rebuild, *, by: str) -> None:
    """Let a rebuild that waits for it swap its rows in. Raises `ProjectionError` unless it is compared and waits."""
    _change(job, (State.READY,), "switched", state=State.RUNNING, switched_by=by[:200])


def discard_cancelled(name: str) -> None:
    """Drop the rows of a cancelled rebuild, unless a process has yet to hear that it is cancelled: it does so then."""
    target = rebuild_target(projection_registry.get(name))
    with transaction.atomic():
        rows = Checkpoint.objects.select_for_update().filter(projection=target.name)
        if rows and rows.filter(is_unleased()).count() == len(rows) and not _is_open(name):
            discard(target)


def _is_open(name: str) -> bool:
    return Rebuild.objects.filter(projection=name, state__in=Rebuild.OPEN).exists()


def _change(job: Rebuild, states: Any, done: str, **changes: Any) -> None:
    if not Rebuild.objects.filter(pk=job.pk, state__in=states).update(**changes):
        state = Rebuild.objects.get(pk=job.pk).get_state_display().lower()
        raise ProjectionError(f"rebuild {job.pk} of {job.projection} is {state} and cannot be {done}", rebuild=job.pk)
