"""Celery tasks: each only wakes a worker for what the database already says. Losing one delays, nothing more."""

from __future__ import annotations

from celery import shared_task

from projections.engine import worker


@shared_task(ignore_result=True)
def look_for_rebuilds() -> None:
    """Start requested rebuilds now rather than at the worker's next look."""
    worker.wake.set()
