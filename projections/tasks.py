"""Celery tasks: each only wakes a worker for what the database already says. Losing one delays, nothing more."""

from __future__ import annotations

from datetime import timedelta

from celery import shared_task

from eventshop.operations import periodic_jobs
from eventshop.projections import bootstep, replays


@shared_task(ignore_result=True)
def look_for_rebuilds() -> None:
    """Start requested rebuilds now rather than at the worker's next look."""
    bootstep.wake.set()


@periodic_jobs.periodic(every=timedelta(hours=6))
def remove_old_replays() -> str:
    return f"{replays.remove_old()} read models as they were removed"
