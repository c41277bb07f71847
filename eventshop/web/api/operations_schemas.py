"""Bodies of requests and answers of the operators' part of the API."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, ClassVar, TypeAlias

import msgspec
from msgspec import Struct

from eventshop.core.messages import NonEmptyText, Text
from eventshop.projections.rebuild_controls import MAX_EVENTS_PER_S
from eventshop.web.api.pagination import LogOffset

#: How many events a rebuild may fold per second.
_Pace: TypeAlias = Annotated[int, msgspec.Meta(ge=1, le=MAX_EVENTS_PER_S)]


class ProjectionState(Struct, frozen=True):
    """A projection: how far it is, summed over its partitions."""

    name: str
    state: str
    position: int
    head: int
    lag: int
    lag_s: float
    dead_letters: int
    paused: bool


class ProjectionStates(Struct, frozen=True):
    """All projections, the longest lag first."""

    results: list[ProjectionState]


class RebuildState(Struct, frozen=True):
    """A rebuild: progress, rate in events per second, seconds to go, and what it changes once it is compared."""

    id: int
    projection: str
    state: str
    position: int
    head: int
    events: int
    rate: float
    eta_s: float | None
    by_hand: bool
    events_per_s: int | None
    up_to: int | None
    undoes: int | None
    added: int
    changed: int
    removed: int
    reason: str
    error: str
    requested_at: datetime
    finished_at: datetime | None


class RebuildStates(Struct, frozen=True):
    """The newest rebuilds."""

    results: list[RebuildState]


class NewRebuild(Struct, frozen=True, forbid_unknown_fields=True):
    """Why, whether somebody switches by hand, how fast, and for a reset up to which position of the store."""

    example: ClassVar[dict[str, Any]] = {"reason": "a new column", "by_hand": True}

    reason: NonEmptyText
    by_hand: bool = False
    events_per_s: _Pace | None = None
    up_to: LogOffset | None = None


class OperatorReason(Struct, frozen=True, forbid_unknown_fields=True):
    """Why; with `throttle` the limit."""

    example: ClassVar[dict[str, Any]] = {"reason": "a deployment"}

    reason: Text = ""
    events_per_s: _Pace | None = None


class LetterAction(Struct, frozen=True, forbid_unknown_fields=True):
    """Why; with `correct`, the fields that the projection is to read."""

    example: ClassVar[dict[str, Any]] = {"reason": "a known duplicate"}

    reason: Text = ""
    fields: dict[str, Any] = {}


class ActionResult(Struct, frozen=True):
    """What became of it."""

    result: str
