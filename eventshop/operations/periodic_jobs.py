"""Periodic jobs, such as nightly cleanups: each runs once per period, in one process, even with several beats.

The database holds when a job is due, so a lost or repeated message of the beat does no harm. If a process dies while it
runs a job, another one runs the job again from the beginning after the lease has expired.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from django.db import transaction
from django.db.models.functions import Now

from eventshop.core.errors import DuplicateName, EventShopError, TailBusy
from eventshop.operations.models import PeriodicWork
from eventshop.operations.operator_log import record_action
from eventshop.runtime import leases, metrics
from eventshop.runtime.process_name import process_name

log = logging.getLogger(__name__)

#: How long a process that died keeps others from running its job.
LEASE: Final = timedelta(minutes=10)
#: When a failed job is retried, unless its period is shorter.
RETRY_AFTER: Final = timedelta(minutes=5)


class UnknownJob(EventShopError):
    """No periodic job has this name."""

    code = "unknown-periodic-job"


Job = Callable[[], str]


class PeriodicJob(NamedTuple):
    """A job: its name, how often it runs, and a function that does the work and returns a summary for staff."""

    name: str
    every: timedelta
    run: Job


_jobs: Final[dict[str, PeriodicJob]] = {}


def register(job: PeriodicJob) -> None:
    """Run this job once in each of its periods. Raises `DuplicateName`."""
    if _jobs.setdefault(job.name, job) is not job:
        raise DuplicateName(f"Two periodic jobs are named {job.name!r}", name=job.name)


def run_due_jobs(jobs: Collection[PeriodicJob] = _jobs.values()) -> list[str]:
    """Run the jobs that are due and that no other process is running; gives the names of those that succeeded."""
    waiting = set(PeriodicWork.objects.filter(due_at__gt=Now()).values_list("name", flat=True))
    due = [job for job in jobs if job.name not in waiting]
    return [job.name for job in due if (started_at := _acquire_lease(job)) and _run_job(job, started_at)]


def request_run(name: str, *, actor: str) -> None:
    """Make a job due now: the next beat, within ten seconds, has it run. The operator log records it.

    Raises `UnknownJob`.
    """
    if name not in _jobs:
        raise UnknownJob(f"no periodic job is named {name!r}; there are: {', '.join(sorted(_jobs))}", name=name)
    with transaction.atomic():
        PeriodicWork.objects.get_or_create(name=name, defaults={"due_at": Now()})
        PeriodicWork.objects.filter(name=name).update(due_at=Now())
        record_action(actor=actor, action="run periodic job", target=name)


def _acquire_lease(job: PeriodicJob) -> datetime | None:
    """Take the lease of a job if it is due and free, in one statement; return when it was started."""
    PeriodicWork.objects.get_or_create(name=job.name, defaults={"due_at": Now()})
    due = PeriodicWork.objects.filter(name=job.name, due_at__lte=Now())
    if not leases.acquire_leases(due, process_name(), LEASE, reentrant=False, started_at=Now()):
        return None
    return PeriodicWork.objects.values_list("started_at", flat=True).get(name=job.name)


def _run_job(job: PeriodicJob, started_at: datetime) -> bool:
    wait = job.every
    try:
        result, outcome = job.run(), "done"
    except TailBusy as busy:  # writers hold the lock, which has an alert of its own: the next beat tries again
        result, outcome, wait = f"put off: {busy}", "put off", timedelta(0)
    except Exception as error:  # any error: it is shown to staff, and the other jobs must run
        log.exception("%s failed", job.name)
        result, outcome, wait = f"{type(error).__name__}: {error}", "failed", min(job.every, RETRY_AFTER)
    metrics.PERIODIC_JOB_RUNS.labels(job.name, outcome).inc()
    leases.release_leases(
        PeriodicWork.objects.filter(name=job.name, started_at__lte=started_at),
        process_name(),
        keep_owner=True,
        due_at=started_at + wait,
        finished_at=Now(),
        failed=outcome == "failed",
        said=result[: PeriodicWork.MAX_SAID],
    )
    return outcome == "done"
