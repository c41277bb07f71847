"""Jobs that retry or skip all dead letters of one cause, one after the other, in a worker.

Each dead letter is dealt with in a transaction of its own; the job remembers the position of the last one, so that
another worker goes on behind it when the first one dies. What fails again is not tried twice by one job.
"""

from __future__ import annotations

import logging
from typing import Final

from django.db.models import QuerySet
from django.utils import timezone

from eventshop.core.errors import InvalidMessage, ProjectionError
from eventshop.projections import dead_letter_retry, skipped_events
from eventshop.projections.models import DeadLetter, DeadLetterJob
from eventshop.projections.projection import projection_registry
from eventshop.projections.replays import LEASE
from eventshop.runtime.leases import acquire_leases, is_unleased, release_leases, renew_leases
from eventshop.runtime.process_name import process_name

log = logging.getLogger(__name__)

#: Dead letters that are read at once.
_PAGE: Final = 100
Verb = DeadLetterJob.Verb
State = DeadLetterJob.State


def request(name: str, fingerprint: str, verb: str, *, reason: str = "", requested_by: str) -> DeadLetterJob:
    """Request it for all dead letters with this cause. Returns the open job of this cause if there is one already.

    Raises `UnknownProjection`, `InvalidMessage` to skip without a reason, `ProjectionError` when no dead letter of the
    projection has this cause, or the open job does something else.
    """
    projection_registry.get(name)
    if verb == Verb.SKIP and not reason.strip():
        raise InvalidMessage("give a reason for skipping these events")
    total = _of_cause(name, fingerprint).count()
    if not total:
        raise ProjectionError(f"no dead letter of {name} has the cause {fingerprint!r}", projection=name)
    job, _ = DeadLetterJob.objects.get_or_create(
        projection=name,
        fingerprint=fingerprint,
        state__in=DeadLetterJob.OPEN,
        defaults={
            "verb": verb,
            "reason": reason.strip()[:500],
            "requested_by": requested_by[:200],
            "requested_at": timezone.now(),
            "total": total,
        },
    )
    if job.verb != verb:
        raise ProjectionError(f"job {job.pk} deals with this cause already: wait, or cancel it", projection=name)
    return job


def cancel(job: DeadLetterJob) -> None:
    """End it; what it has done stays. Raises `ProjectionError` for one that has ended."""
    open_jobs = DeadLetterJob.objects.filter(pk=job.pk, state__in=DeadLetterJob.OPEN)
    if not open_jobs.update(state=State.CANCELLED, finished_at=timezone.now()):
        job.refresh_from_db()
        state = job.get_state_display().lower()
        raise ProjectionError(f"job {job.pk} is {state} and cannot be cancelled", job=job.pk)


def pending_jobs() -> list[DeadLetterJob]:
    """Those that no worker carries out: requested ones, and those of a worker that died."""
    return list(DeadLetterJob.objects.filter(is_unleased(), state__in=DeadLetterJob.OPEN).order_by("pk"))


def run(job: DeadLetterJob) -> DeadLetterJob:
    """Carry it out unless another worker does. The error of one that fails is stored in its own row."""
    open_jobs = DeadLetterJob.objects.filter(pk=job.pk, state__in=DeadLetterJob.OPEN)
    started = {"state": State.RUNNING, "started_at": job.started_at or timezone.now()}
    if acquire_leases(open_jobs, process_name(), LEASE, reentrant=False, **started):
        try:
            if _handle_all(DeadLetterJob.objects.get(pk=job.pk)):
                _end(job, state=State.DONE)
        except Exception as error:  # staff must see any error, and it must not stop other jobs
            log.warning("%s failed: %s", job, error, exc_info=True)
            _end(job, state=State.FAILED, error=f"{type(error).__name__}: {error}"[:500])
    return DeadLetterJob.objects.get(pk=job.pk)


def _of_cause(name: str, fingerprint: str) -> QuerySet[DeadLetter]:
    """Those that fail for it; what only waits behind one has no error."""
    return DeadLetter.objects.filter(projection=name, fingerprint=fingerprint).exclude(error="").order_by("position")


def _handle_all(job: DeadLetterJob) -> bool:
    """False when it was cancelled, or another worker has taken it over. Raises `UnknownProjection`."""
    projection_registry.get(job.projection)
    while True:
        rows = _of_cause(job.projection, job.fingerprint).filter(position__gt=job.position)[:_PAGE]
        if not (page := list(rows)):
            return True
        for row in page:
            error = _handle(job, row)
            job.position, job.handled = row.position, job.handled + 1
            job.succeeded, job.error = job.succeeded + (not error), job.error or error[:500]
            if not _record_progress(job):
                return False


def _handle(job: DeadLetterJob, row: DeadLetter) -> str:
    """Why it is a dead letter still; empty if it is none any more."""
    try:
        if job.verb == Verb.SKIP:
            skipped_events.skip(job.projection, row.event_id, reason=job.reason, actor=job.requested_by)
            return ""
        dead_letter_retry.retry(job.projection, row.aggregate_id)
    except ProjectionError as error:  # retried meanwhile, or the projection is being rebuilt
        return str(error)
    left = DeadLetter.objects.filter(projection=job.projection, event_id=row.event_id).values_list("error", flat=True)
    return left.first() or ""


def _record_progress(job: DeadLetterJob) -> int:
    names = ("position", "handled", "succeeded", "error")
    running = DeadLetterJob.objects.filter(pk=job.pk, state=State.RUNNING)
    return renew_leases(running, process_name(), LEASE, **{name: getattr(job, name) for name in names})


def _end(job: DeadLetterJob, **values: object) -> None:
    running = DeadLetterJob.objects.filter(pk=job.pk, state=State.RUNNING)
    release_leases(running, process_name(), keep_owner=True, finished_at=timezone.now(), **values)
