"""The library's kinds of jobs: rebuilds, replays, bulk actions on dead letters, erasures, retention, periodic jobs.

What they say has no keys of rows, no whole ids of persons and no error that may quote an event: the page of each job
shows those, with rights and an entry in the access log of its own.
"""

from __future__ import annotations

from typing import Final

from django.db.models import F, Q

from eventshop.operations.job_list import JobFacts, JobSource, JobState
from eventshop.operations.models import PeriodicWork
from eventshop.privacy.erasure.erasure_job import DONE, STEPS
from eventshop.privacy.models import Erasure, RetentionRun
from eventshop.projections.models import DeadLetterJob, Rebuild, Replay
from eventshop.projections.replays import describe_differences
from eventshop.runtime.leases import is_unleased

_SAME_NAMES: Final = {
    JobState.WAITING: "requested",
    JobState.RUNNING: "running",
    JobState.PAUSED: "paused",
    JobState.READY: "ready",
    JobState.DONE: "done",
    JobState.FAILED: "failed",
    JobState.CANCELLED: "cancelled",
}
_STATES: Final = [(state, Q(state=stored)) for state, stored in _SAME_NAMES.items()]
_EVERY: Final = Q(pk__isnull=False)


def _rebuild_facts(job: Rebuild) -> JobFacts:
    subject = job.projection
    if job.undoes_id:
        subject += f", undo of rebuild {job.undoes_id}"
    elif job.up_to is not None:
        subject += f", reset to position {job.up_to:,}"
    return JobFacts(
        subject,
        requested_by=job.requested_by,
        started_at=job.started_at,
        finished_at=job.finished_at,
        done=job.position if job.started_at else None,
        total=job.head or None,
        result=job.error.partition("\n")[0],
        eta_s=job.eta_s,
    )


def _replay_facts(job: Replay) -> JobFacts:
    only = ", one row" if job.key else ", rows of one stream" if job.stream else ""
    result = ""
    if job.state == Replay.State.DONE:
        result = f"{job.rows:,} rows" if job.kind == Replay.Kind.AS_OF else describe_differences(job)
    return JobFacts(
        f"{job.projection}{only}",
        requested_by=job.requested_by,
        started_at=job.started_at,
        finished_at=job.finished_at,
        done=job.position if job.started_at and job.state == Replay.State.RUNNING else None,
        total=job.head or None,
        result=result,
    )


def _letter_facts(job: DeadLetterJob) -> JobFacts:
    done = "skipped" if job.verb == DeadLetterJob.Verb.SKIP else "folded"
    return JobFacts(
        job.projection,
        requested_by=job.requested_by,
        started_at=job.started_at,
        finished_at=job.finished_at,
        done=job.handled if job.started_at else None,
        total=job.total,
        unit="dead letters",
        result=f"{job.succeeded:,} {done}" if job.started_at else "",
    )


def _erasure_facts(job: Erasure) -> JobFacts:
    names = [step.name for step in STEPS]
    return JobFacts(
        f"Person {str(job.subject)[-8:]}",
        started_at=job.began_at,
        finished_at=job.finished_at,
        done=len(names) if job.step == DONE else names.index(job.step),
        total=len(names),
        unit="steps",
        result="" if job.step == DONE else f"next: {job.step}",
    )


def _retention_facts(run: RetentionRun) -> JobFacts:
    return JobFacts(
        run.about,
        started_at=run.began_at,
        finished_at=run.finished_at,
        done=run.erased,
        unit="erased",
        result=f"{run.held:,} kept by a legal hold" if run.held else "",
    )


def _periodic_facts(work: PeriodicWork) -> JobFacts:
    is_running = work.leased_until is not None
    return JobFacts(
        work.name,
        started_at=work.started_at,
        finished_at=None if is_running else work.finished_at,
        result="" if is_running else work.said,
    )


def _replays(name: str, kind: Replay.Kind) -> JobSource:
    is_cut_short = kind != Replay.Kind.REPAIR
    return JobSource(
        kind=name,
        model=Replay,
        rows=Q(kind=kind),
        since=F("requested_at"),
        states=_STATES,
        facts=_replay_facts,
        cancellable=(JobState.WAITING, JobState.RUNNING) if is_cut_short else (JobState.WAITING,),
        cancel_right="projection_engine.replay_projection",
    )


def _letter_jobs(name: str, verb: DeadLetterJob.Verb) -> JobSource:
    return JobSource(
        kind=name,
        model=DeadLetterJob,
        rows=Q(verb=verb),
        since=F("requested_at"),
        states=_STATES,
        facts=_letter_facts,
        cancellable=(JobState.WAITING, JobState.RUNNING),
        cancel_right=f"projection_engine.{verb}_dead_letters",
    )


SOURCES: Final = (
    JobSource(
        kind="Rebuild",
        model=Rebuild,
        since=F("requested_at"),
        states=_STATES,
        facts=_rebuild_facts,
        cancellable=(JobState.WAITING, JobState.RUNNING, JobState.PAUSED, JobState.READY),
        cancel_right="projection_engine.rebuild_projection",
    ),
    _replays("Dry run", Replay.Kind.DRY_RUN),
    _replays("Point-in-time query", Replay.Kind.AS_OF),
    _replays("Row check", Replay.Kind.CHECK),
    _replays("Row repair", Replay.Kind.REPAIR),
    _letter_jobs("Retry of dead letters", DeadLetterJob.Verb.RETRY),
    _letter_jobs("Skip of dead letters", DeadLetterJob.Verb.SKIP),
    JobSource(
        kind="Erasure",
        model=Erasure,
        since=F("began_at"),
        states=[
            (JobState.DONE, Q(step=DONE)),
            (JobState.STOPPED, ~Q(problem="")),
            (JobState.WAITING, is_unleased()),
            (JobState.RUNNING, _EVERY),
        ],
        facts=_erasure_facts,
    ),
    JobSource(
        kind="Retention run",
        model=RetentionRun,
        since=F("began_at"),
        states=[(JobState.RUNNING, Q(finished_at=None)), (JobState.DONE, _EVERY)],
        facts=_retention_facts,
    ),
    JobSource(
        kind="Scheduled job",
        model=PeriodicWork,
        rows=Q(started_at__isnull=False),
        since=F("started_at"),
        states=[
            (JobState.RUNNING, ~is_unleased()),
            (JobState.STOPPED, Q(leased_until__isnull=False)),  # its process died; another one takes it up
            (JobState.FAILED, Q(failed=True)),
            (JobState.DONE, _EVERY),
        ],
        facts=_periodic_facts,
    ),
)
