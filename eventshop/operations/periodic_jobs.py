"""Work that comes round again, like a nightly tidying: once a period, by one process, however many beats tick.

When it is due stands in the database, so a message that is lost, or comes twice, costs nothing but a look. A process
that dies in the middle holds its work up until its lease runs out; then another does it again from the beginning.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from datetime import timedelta
from typing import Final, NamedTuple

from django.db.models import Q
from django.utils import timezone

from eventshop.core.deterministic_ids import process_name
from eventshop.operations.models import PeriodicWork

log = logging.getLogger(__name__)

#: How long a process that died in the middle keeps others from doing its work.
LEASE: Final = timedelta(minutes=10)
#: When work that failed is tried again, if its period is not shorter.
RETRY_AFTER: Final = timedelta(minutes=5)

Job = Callable[[], str]


class PeriodicJob(NamedTuple):
    """One piece of work: what is done how often. It says in a sentence what it did."""

    name: str
    every: timedelta
    run: Job


_jobs: dict[str, PeriodicJob] = {}


def periodic_job(every: timedelta) -> Callable[[Job], Job]:
    """Do this once in every such period; whatever it raises is shown to staff, and it is tried again soon."""

    def register(work: Job) -> Job:
        name = work.__name__.replace("_", "-")
        _jobs[name] = PeriodicJob(name, every, work)
        return work

    return register


def run_due_jobs(jobs: Collection[PeriodicJob] = _jobs.values()) -> list[str]:
    """Do what nobody else does now and whose time has come; the names of what went well."""
    return [job.name for job in jobs if _acquire_lease(job) and _run_job(job)]


def _acquire_lease(job: PeriodicJob) -> bool:
    """Whether it is due and this process may do it; asked in one statement, so that of two one gets it."""
    now = timezone.now()
    PeriodicWork.objects.get_or_create(name=job.name, defaults={"due_at": now})
    free = Q(leased_until=None) | Q(leased_until__lt=now)
    due = PeriodicWork.objects.filter(free, name=job.name, due_at__lte=now)
    return bool(due.update(owner=process_name(), leased_until=now + LEASE, started_at=now))


def _run_job(job: PeriodicJob) -> bool:
    started = timezone.now()
    try:
        result, failed = job.run(), False
    except Exception as error:  # whatever it is: staff must see it, and other work must go on
        log.exception("%s failed", job.name)
        result, failed = f"{type(error).__name__}: {error}", True
    wait = min(job.every, RETRY_AFTER) if failed else job.every
    row = PeriodicWork.objects.filter(name=job.name, owner=process_name(), started_at__lte=started)
    row.update(
        leased_until=None,
        due_at=started + wait,
        finished_at=timezone.now(),
        failed=failed,
        said=result[: PeriodicWork.MAX_SAID],
    )
    return not failed
