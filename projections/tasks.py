"""Celery tasks of the projections. Each wakes a worker for work recorded in the database: losing one only delays it."""

from __future__ import annotations

from datetime import timedelta

from celery import shared_task

from eventshop.operations import periodic_jobs
from eventshop.projections import bootstep, replays


@shared_task(ignore_result=True)
def look_for_rebuilds() -> None:
    """Start requested rebuilds now instead of at the worker's next poll."""
    bootstep.rebuild_requested.set()


def remove_old_replays() -> str:
    return f"{replays.delete_expired()} old replays removed"
