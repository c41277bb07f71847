"""Findings that say more than a part's health: by projection, by cause of saga failures, by job, by worker."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final
from urllib.parse import urlencode

from django.db.models import Min

from eventshop.operations.attention.findings import Finding, general_finding, waiting_since
from eventshop.operations.attention.guides import GUIDES
from eventshop.operations.health_checks import ComponentHealth
from eventshop.operations.models import PeriodicWork
from eventshop.operations.objectives import State, default_objective
from eventshop.operations.work_health import FAILED_ATTEMPTS, JOB_OBJECTIVE
from eventshop.operations.worker_health import problems_of, worker_processes
from eventshop.projections.models import DeadLetter
from eventshop.sagas.saga_registry import saga_registry
from eventshop.sagas.step_failures import FailureGroup, group_failures
from eventshop.sagas.usual_waits import overdue_sagas, usual_limit

#: Failed jobs, of which the last run found a fault of what is stored.
_VERIFICATIONS: Final = ("verify-", "close-ledger")
_MAX_COUNTED: Final = 1_000
#: As many projections with one reason are one finding: "13 projections: nobody runs it".
GROUPED_FROM: Final = 4


def find_projections(component: ComponentHealth) -> Sequence[Finding]:
    """One finding for each projection, or one for many that have the same reason."""
    bad = [part for part in component.parts if part.state is not State.OK]
    set_aside_since = dict(DeadLetter.objects.values_list("projection").annotate(Min("parked_at")))
    by_reason: dict[str, list[ComponentHealth]] = {}
    for part in bad:
        by_reason.setdefault(part.detail.partition(";")[0], []).append(part)
    found: list[Finding] = [] if bad else [general_finding(component)]
    for reason, parts in by_reason.items():
        if len(parts) >= GROUPED_FROM:
            found.append(_many_projections(reason, parts))
        else:
            found += [_projection(part, set_aside_since.get(part.name)) for part in parts]
    return found


def find_sagas(component: ComponentHealth) -> Sequence[Finding]:
    """What is late of the sagas' parts, and their failures by cause."""
    bad = [part for part in component.parts if part.state is not State.OK]
    late = [part for part in bad if part.progress and part.progress.behind_s > default_objective().lag_s]
    if not bad:
        late = [component]
    return [*(general_finding(part) for part in late), *find_saga_failures()]


def find_saga_failures() -> list[Finding]:
    """One finding for each cause that suspends sagas or makes their steps fail."""
    return [_saga_failure(group) for group in group_failures(least_attempts=FAILED_ATTEMPTS)]


def find_overdue_sagas() -> Sequence[Finding]:
    """One finding for each kind of saga of which some take longer than usual."""
    found = []
    for kind in sorted(saga_registry.versions_by_kind):
        overdue = overdue_sagas([kind])
        if oldest := overdue.values_list("started_at", flat=True).first():
            count, guide = overdue[:_MAX_COUNTED].count(), GUIDES["overdue"]
            detail = f"usual is less than {usual_limit(kind)}"
            title = f"{kind}: {count:,} take longer than usual"
            query = urlencode({"kind": kind, "wait": "overdue"})
            found.append(
                Finding(f"overdue {kind}", "overdue", State.DEGRADED, title, guide, detail, oldest, count, query)
            )
    return found


def find_jobs(component: ComponentHealth) -> Sequence[Finding]:
    """One finding for each job that failed, and one if jobs are late."""
    found = [_failed_job(job) for job in PeriodicWork.objects.filter(failed=True).order_by("name")[:50]]
    if component.progress and component.progress.behind_s > JOB_OBJECTIVE.lag_s:
        found.append(general_finding(component))
    return found


def find_workers(component: ComponentHealth) -> Sequence[Finding]:
    """One finding for each worker process with a problem."""
    return [
        Finding(
            f"worker {process.owner}",
            "workers",
            State.FAILING,
            f"Worker {process.owner}: {problems[0]}"[:200],
            GUIDES["workers"],
            "; ".join(problems),
            process.seen_at,
            query=urlencode({"q": process.owner}),
        )
        for process in worker_processes()
        if (problems := problems_of(process))
    ]


def _many_projections(reason: str, parts: Sequence[ComponentHealth]) -> Finding:
    worst = max((part.state for part in parts), key=list(State).index)
    since = min(filter(None, map(waiting_since, parts)), default=None)
    names = ", ".join(part.name for part in parts)
    title = f"{len(parts)} projections: {reason}"
    return Finding(
        f"projections: {reason}", "projections", worst, title, GUIDES["projections"], names, since, len(parts)
    )


def _projection(part: ComponentHealth, set_aside_since: datetime | None) -> Finding:
    progress, query = part.progress, urlencode({"projection": part.name})
    key = f"projection {part.name}"
    if "ledger does not close" in part.detail:
        return Finding(
            f"ledger {part.name}", "ledger", part.state, f"{part.name}: its ledger does not close", GUIDES["ledger"],
            part.detail, query=query,
        )  # fmt: skip
    if set_aside_since and progress and progress.set_aside and part.state is State.DEGRADED:
        title = f"{part.name} has set {progress.set_aside:,} event{'s' * (progress.set_aside > 1)} aside"
        return Finding(
            f"dead letters {part.name}", "dead letters", part.state, title, GUIDES["dead letters"], part.detail,
            set_aside_since, progress.set_aside, query,
        )  # fmt: skip
    verb = "stands still" if part.state is State.FAILING else "is late"
    return Finding(
        key, "projections", part.state, f"{part.name} {verb}", GUIDES["projections"], part.detail, waiting_since(part),
        query=query,
    )  # fmt: skip


def _saga_failure(group: FailureGroup) -> Finding:
    number, part = len(group.sagas), "suspended" if group.is_suspended else "retrying"
    title = (
        f"{group.kind}: {number:,} suspended at {group.step}"
        if group.is_suspended
        else f"{group.step} of {group.kind} is failing for {number:,} saga{'s' * (number > 1)}"
    )
    detail = group.example if group.is_suspended else f"{group.attempts} tries; {group.example}"
    query = urlencode({"group": group.key})
    return Finding(
        group.key, part, State.DEGRADED, title[:200], GUIDES[part], detail[:1_000], group.since, number, query
    )


def _failed_job(job: PeriodicWork) -> Finding:
    is_verification = job.name.startswith(_VERIFICATIONS)
    part, state = ("verification", State.FAILING) if is_verification else ("failed job", State.DEGRADED)
    return Finding(
        f"job {job.name}", part, state, f"{job.name} failed", GUIDES[part],
        job.said, job.finished_at, query=urlencode({"q": job.name}),
    )  # fmt: skip


#: Who tells what is wrong with a part of health, in place of the general finding.
PART_FINDERS: Final[dict[str, Callable[[ComponentHealth], Sequence[Finding]]]] = {
    "projections": find_projections,
    "sagas": find_sagas,
    "periodic jobs": find_jobs,
    "workers": find_workers,
}
