"""Celery tasks and periodic jobs of operations. A lost task only causes a delay: the database holds what is due."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

from celery import shared_task
from django.conf import settings

from eventshop.core.errors import TailBusy
from eventshop.eventstore.snapshots import policy
from eventshop.messaging.event_log_factory import create_event_log
from eventshop.operations import event_ledger, periodic_jobs
from eventshop.operations.history import recorder
from eventshop.operations.row_retention import measure_table
from eventshop.operations.tamper_evidence import anchors
from eventshop.operations.tamper_evidence.signed_roots import sign_new_roots
from eventshop.privacy.erasure import vacuum
from eventshop.projections import bootstep
from eventshop.sagas import retention
from eventshop.sagas.models import SagaStep


@shared_task(ignore_result=True)
def do_periodic_work() -> None:
    """Run all due jobs; sent by the beat every minute."""
    periodic_jobs.run_due_jobs()


@shared_task(ignore_result=True)
def look_for_rebuilds() -> None:
    """Start requested rebuilds now instead of at the worker's next poll."""
    bootstep.rebuild_requested.set()


def sign_roots() -> str:
    """Sign what is new, and hand the newest root to every anchor, also one that failed before."""
    roots = sign_new_roots()
    handed = anchors.anchor_roots()
    signed = f"{len(roots)} roots signed, the last: {roots[-1].number}" if roots else "nothing new to sign"
    return f"{signed}; {handed} handed to anchors" if handed else signed


def remove_details_of_old_sagas() -> str:
    removed = retention.clean_up(kept=timedelta(days=settings.SAGA_DETAILS_KEPT_DAYS))
    details = f"{removed.steps} steps and {removed.messages} inbox messages of {removed.sagas} sagas removed"
    return f"{details}; of the steps {measure_table(SagaStep, 'made_at')}"


def take_snapshots() -> str:
    return f"{policy.take_due_snapshots()} snapshots taken"


def overwrite_what_was_erased() -> str:
    # The look-back is longer than the period: an erasure during the previous run must not be missed.
    if not vacuum.is_due(timedelta(days=1, hours=2)):
        return "no erasure since the last run"
    return f"{len(vacuum.vacuum_personal_data_tables())} tables rewritten"


def record_history() -> str:
    """Store what health measures, for the charts of the console."""
    return recorder.record_minute()


def close_ledger() -> str:
    """Count the new events and add up the ledger. Raises `LedgerOpen` if it does not close."""
    source = create_event_log()
    with suppress(TailBusy):
        event_ledger.count_events(source)
    lines = event_ledger.read_open_lines(source)
    if lines:
        raise event_ledger.LedgerOpen("; ".join(map(str, lines[:3])), lines=len(lines))
    return "everything that was appended up to the checkpoints was fetched once"
