"""Objectives: how far behind a part may be, and how much it may have set aside, before health reports it.

The defaults are settings (`HEALTH_LAG_S`, `HEALTH_DEAD_LETTERS`); `PROJECTION_OBJECTIVES` gives a projection its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, NamedTuple

from django.conf import settings

#: A part that is late and has not moved for so many times its objective of lag fails; one that moves is degraded.
FAILS_AFTER: Final = 3


class State(StrEnum):
    """The state of a part: by its objective, or because it cannot work at all."""

    OK = "ok"
    DEGRADED = "degraded"
    FAILING = "failing"

    @property
    def severity(self) -> int:
        """0: ok, 1: degraded, 2: failing; the worse, the higher."""
        return list(State).index(self)


def worst_state(states: Iterable[State]) -> State:
    """The worst of some states; ok if there are none."""
    return max(states, key=lambda state: state.severity, default=State.OK)


class Objective(NamedTuple):
    """What a part is measured against."""

    lag_s: float
    set_aside: int = 0


class Progress(NamedTuple):
    """How a part gets on. Seconds are those that the oldest event, or piece of work, has been waiting."""

    behind: int = 0
    behind_s: float = 0.0
    set_aside: int = 0  # events, messages or jobs that failed and wait for somebody
    moved_at: datetime | None = None  # None: it has not moved yet, or keeps no record of it

    def state(self, objective: Objective, *, now: datetime) -> State:
        """Its state by an objective: late and not moving is failing, late or with too much set aside is degraded."""
        is_late = self.behind_s > objective.lag_s
        still_since = timedelta(seconds=self.behind_s) if self.moved_at is None else now - self.moved_at
        if is_late and still_since > timedelta(seconds=FAILS_AFTER * objective.lag_s):
            return State.FAILING
        return State.DEGRADED if is_late or self.set_aside > objective.set_aside else State.OK

    def describe(self) -> str:
        texts = [f"{self.behind:,} behind, the oldest for {self.behind_s:,.0f} s"] if self.behind else []
        return ", ".join(texts + ([f"{self.set_aside:,} set aside"] if self.set_aside else []))


def default_objective() -> Objective:
    return Objective(settings.HEALTH_LAG_S, settings.HEALTH_DEAD_LETTERS)


def objective_of(projection: str) -> Objective:
    """The objective of a projection: its own, or the default."""
    own = settings.PROJECTION_OBJECTIVES.get(projection)
    return Objective(*own) if own else default_objective()
