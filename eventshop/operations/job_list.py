"""All jobs as one list, whatever table they stand in: what runs, waits or has ended, and how far each is.

Each kind of job is a registered `JobSource`: it says in SQL which rows are jobs, in which state and since when, and in
Python what a row says. The list is a union over the tables, so that it is filtered, sorted and paged by the database.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, NamedTuple, cast

from django.db.models import Case, CharField, F, IntegerField, Model, Q, QuerySet, TextChoices, Value, When
from django.db.models.functions import Cast


class JobState(TextChoices):
    """The state of a job of any kind."""

    RUNNING = "running", "Running"
    WAITING = "waiting", "Waiting"
    PAUSED = "paused", "Paused"
    READY = "ready", "Ready to be switched"
    STOPPED = "stopped", "Stopped"
    FAILED = "failed", "Failed"
    DONE = "done", "Done"
    CANCELLED = "cancelled", "Cancelled"


#: The states of jobs that have ended; all others are listed before them.
ENDED: Final = (JobState.FAILED, JobState.DONE, JobState.CANCELLED)


class JobFacts(NamedTuple):
    """What one job says of itself. `total` is None where nobody knows how much there is to do."""

    subject: str
    requested_by: str = ""
    started_at: datetime | None = None
    finished_at: datetime | None = None
    done: int | None = None
    total: int | None = None
    unit: str = "positions"
    result: str = ""
    #: Seconds to go; None lets it be told by the pace since it started.
    eta_s: float | None = None


@dataclass(frozen=True, kw_only=True)
class JobSource:
    """A kind of job: its rows in a table, their states, and what each says.

    `since` is an expression for the time that it is sorted by. `states` are conditions, the first that holds counts.
    A job in one of the states `cancellable` is cancelled by the admin view `cancel` of its model, with `cancel_right`.
    """

    kind: str
    model: type[Model]
    since: Any
    states: Sequence[tuple[JobState, Q]]
    facts: Callable[[Any], JobFacts]
    rows: Q = field(default_factory=Q)
    cancellable: Collection[JobState] = ()
    cancel_right: str = ""

    @property
    def view_right(self) -> str:
        return f"{self.model._meta.app_label}.view_{self.model._meta.model_name}"

    def listed(self, state: str = "") -> QuerySet[Any, Any]:
        """Kind, key, state, whether it has ended, and time of its rows."""
        cases = (When(condition, then=Value(name.value)) for name, condition in self.states)
        rows: QuerySet[Any, Any] = self.model._default_manager.filter(self.rows).annotate(
            job_kind=Value(self.kind, CharField()),
            job_key=Cast("pk", CharField()),
            job_state=Case(*cases, output_field=CharField()),
            has_ended=Case(When(job_state__in=ENDED, then=1), default=0, output_field=IntegerField()),
            job_since=self.since,
        )
        if state:
            rows = rows.filter(job_state=state)
        return rows.order_by().values_list("job_kind", "job_key", "job_state", "has_ended", "job_since")


class Job(NamedTuple):
    """One line of the list."""

    source: JobSource
    key: str
    state: JobState
    since: datetime
    facts: JobFacts


_sources: Final[dict[str, JobSource]] = {}


def register(source: JobSource) -> None:
    """Add a kind of job; its name is unique."""
    if source.kind in _sources:
        raise ValueError(f"there are jobs of the kind {source.kind} already")
    _sources[source.kind] = source


def registered_sources() -> list[JobSource]:
    return list(_sources.values())


def listed_jobs(sources: Sequence[JobSource], state: str = "") -> QuerySet[Any, Any]:
    """The jobs of these kinds: those that have not ended first, then by time, the newest first."""
    first, *others = (source.listed(state) for source in sources)
    return first.union(*others, all=True).order_by("has_ended", F("job_since").desc(), "job_kind", "job_key")


def load_jobs(listed: Sequence[Any]) -> list[Job]:
    """The jobs of a page of the list, one statement for each kind. One that was deleted meanwhile is left out."""
    keys = defaultdict[str, list[str]](list)
    for kind, key, *_ in listed:
        keys[kind].append(key)
    rows = {}
    for kind, of_kind in keys.items():
        model = _sources[kind].model
        parse = model._meta.pk.to_python
        by_pk = model._default_manager.in_bulk([parse(key) for key in of_kind])
        rows.update({(kind, key): by_pk[parse(key)] for key in of_kind if parse(key) in by_pk})
    return [
        Job(_sources[kind], str(row.pk), JobState(state), since, _sources[kind].facts(row))
        for kind, key, state, _, since in listed
        if (row := cast(Any, rows.get((kind, key)))) is not None
    ]


def seconds_left(job: Job, now: datetime) -> float | None:
    """Seconds to go of a job that runs: as it says, else at its pace since it started; None while nobody knows."""
    if job.state != JobState.RUNNING:
        return None
    _, _, started_at, _, done, total, _, _, eta_s = job.facts
    if eta_s is not None or not (started_at and done and total):
        return eta_s
    return max((now - started_at).total_seconds() * (total - done) / done, 0)
