"""Celery tasks of operations. Losing one is a delay: what is due stands in the database."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from celery import shared_task
from django.conf import settings
from django.contrib.sessions.models import Session
from django.utils import timezone

from eventshop.eventstore.snapshots import repository
from eventshop.operations import periodic_jobs
from eventshop.operations.models import WebRequest
from eventshop.operations.tamper_evidence.signed_roots import sign_new_roots
from eventshop.sagas import retention

#: How long it is kept which request a command came with.
REQUEST_RETENTION: Final = timedelta(days=400)


@shared_task(ignore_result=True)
def do_periodic_work() -> None:
    """Sent by beat every minute."""
    periodic_jobs.run_due_jobs()


@periodic_jobs.periodic_job(every=timedelta(hours=6))
def remove_expired_sessions() -> str:
    removed, _ = Session.objects.filter(expire_date__lt=timezone.now()).delete()
    return f"{removed} sessions removed"


@periodic_jobs.periodic_job(every=timedelta(days=1))
def sign_roots() -> str:
    roots = sign_new_roots()
    return f"{len(roots)} roots signed, the last: {roots[-1].number}" if roots else "nothing new to sign"


@periodic_jobs.periodic_job(every=timedelta(days=1))
def remove_old_requests() -> str:
    """What they led to stays in the events for ever; which page it was is no longer asked after a year."""
    removed, _ = WebRequest.objects.filter(answered_at__lt=timezone.now() - REQUEST_RETENTION).delete()
    return f"{removed} requests removed"


@periodic_jobs.periodic_job(every=timedelta(days=1))
def remove_details_of_old_sagas() -> str:
    removed = retention.clean_up(kept=timedelta(days=settings.SAGA_DETAILS_KEPT_DAYS))
    return (
        f"{removed.steps} steps and {removed.messages} inputs of {removed.sagas} sagas removed, {removed.timers} fired timers"
    )


@periodic_jobs.periodic_job(every=timedelta(minutes=1))
def take_snapshots() -> str:
    return f"{repository.take_due_snapshots()} snapshots taken"
