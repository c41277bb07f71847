"""Bodies of requests and answers of the operators' part of the API."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, ClassVar, TypeAlias
from uuid import UUID

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
    """Why, whether somebody switches by hand, how fast, and for a reset up to which position of the store, or time."""

    example: ClassVar[dict[str, Any]] = {"reason": "a new column", "by_hand": True}

    reason: NonEmptyText
    by_hand: bool = False
    events_per_s: _Pace | None = None
    up_to: LogOffset | None = None
    up_to_time: datetime | None = None


class OperatorReason(Struct, frozen=True, forbid_unknown_fields=True):
    """Why; with `throttle` the limit."""

    example: ClassVar[dict[str, Any]] = {"reason": "a deployment"}

    reason: Text = ""
    events_per_s: _Pace | None = None


class LetterAction(Struct, frozen=True, forbid_unknown_fields=True):
    """Why; with `correct`, the fields that the projection is to read; with `retry`, whether it ends with this one."""

    example: ClassVar[dict[str, Any]] = {"reason": "a known duplicate"}

    reason: Text = ""
    fields: dict[str, Any] = {}
    up_to_here: bool = False


class ActionResult(Struct, frozen=True):
    """What became of it."""

    result: str


class ReplayState(Struct, frozen=True):
    """A check, repair, dry run or point-in-time query: progress in positions, and how many rows differ. No rows."""

    id: int
    kind: str
    projection: str
    state: str
    position: int
    head: int
    events: int
    rows: int
    added: int
    changed: int
    removed: int
    failed: int
    requested_at: datetime
    finished_at: datetime | None


class NewRowCheck(Struct, frozen=True, forbid_unknown_fields=True):
    """One row by its key, or the rows of a stream; with `repair` they are put right, which needs a reason."""

    example: ClassVar[dict[str, Any]] = {"key": "2026-01-31", "repair": False}

    key: Text = ""
    stream: UUID | None = None
    repair: bool = False
    reason: Text = ""


class NewPointInTimeQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """As of when, by the time it was recorded or, with `happened`, happened; all rows or the one with a key."""

    example: ClassVar[dict[str, Any]] = {"at": "2026-01-31T12:00:00Z"}

    at: datetime
    happened: bool = False
    key: Text = ""


class Republication(Struct, frozen=True, forbid_unknown_fields=True):
    """The first and last key, both empty for all rows; a dry run counts them, anything else needs a reason."""

    example: ClassVar[dict[str, Any]] = {"dry_run": True}

    first: Text = ""
    last: Text = ""
    dry_run: bool = False
    reason: Text = ""


class CauseAction(Struct, frozen=True, forbid_unknown_fields=True):
    """The cause as the console names it, such as `PaymentProcessed: KeyError: …`; a skip needs a reason."""

    example: ClassVar[dict[str, Any]] = {"cause": "PaymentProcessed: KeyError: …", "reason": "imported twice"}

    cause: NonEmptyText
    reason: Text = ""


class DeadLetterJobState(Struct, frozen=True):
    """A retry or skip of all dead letters of a cause."""

    id: int
    projection: str
    fingerprint: str
    verb: str
    state: str
    total: int
    handled: int
    succeeded: int
    error: str
    reason: str
    requested_at: datetime
    finished_at: datetime | None


class CorrectionState(Struct, frozen=True):
    """A correction of an event for a projection, without its values."""

    id: int
    projection: str
    event_id: UUID
    event_type: str
    position: int
    reason: str
    made_by: str
    made_at: datetime
    approved_by: str
    approved_at: datetime | None


class CorrectionStates(Struct, frozen=True):
    """The newest corrections."""

    results: list[CorrectionState]


class UnreadableRecordState(Struct, frozen=True):
    """A record of the log that is no event, as one projection came across it."""

    id: int
    projection: str
    topic: str
    partition: int
    offset: int
    error: str
    cause: str
    attempts: int
    found_at: datetime
    last_attempt_at: datetime | None


class UnreadableRecordStates(Struct, frozen=True):
    """The newest such records."""

    results: list[UnreadableRecordState]


class PeriodicJobState(Struct, frozen=True):
    """A periodic job: when it is due, and the result of its last run."""

    name: str
    due_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    failed: bool
    said: str


class PeriodicJobStates(Struct, frozen=True):
    """All periodic jobs by name."""

    results: list[PeriodicJobState]


class AttentionState(Struct, frozen=True):
    """Something that is wrong or late."""

    id: int
    part: str
    title: str
    detail: str
    severity: str
    since: datetime
    assigned_to: str
    acknowledged_by: str
    snoozed_until: datetime | None
    note: str


class AttentionStates(Struct, frozen=True):
    """What is open, worst first."""

    results: list[AttentionState]


class AttentionAction(Struct, frozen=True, forbid_unknown_fields=True):
    """A note; for how long with `snooze`; the user name with `assign`."""

    example: ClassVar[dict[str, Any]] = {"note": "the provider knows", "minutes": 60}

    note: Text = ""
    minutes: Annotated[int, msgspec.Meta(ge=1, le=43_200)] = 60
    to: Text = ""


class JobState(Struct, frozen=True):
    """A job of any kind; `done` and `total` in `unit`."""

    kind: str
    id: str
    state: str
    subject: str
    done: int | None
    total: int | None
    unit: str
    result: str
    since: datetime


class JobStates(Struct, frozen=True):
    """The first jobs: those that have not ended, then the newest."""

    results: list[JobState]


class SagaGroup(Struct, frozen=True):
    """Sagas of one kind that are held up by one cause."""

    key: str
    kind: str
    step: str
    cause: str
    is_suspended: bool
    sagas: int
    since: datetime


class SagaGroups(Struct, frozen=True):
    """All groups, suspended ones first."""

    results: list[SagaGroup]


class SagaGroupAction(Struct, frozen=True, forbid_unknown_fields=True):
    """The key of a group, and why."""

    example: ClassVar[dict[str, Any]] = {"group": "suspended|OrderFulfilment|charge|…", "reason": "the gateway is back"}

    group: NonEmptyText
    reason: NonEmptyText
