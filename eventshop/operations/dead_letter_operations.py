"""What operators do about dead letters, by admin, command line and API alike; the operator log records them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import transaction

from eventshop.core.errors import ProjectionError
from eventshop.operations.operator_log import record_action
from eventshop.projections import corrections, dead_letter_jobs, dead_letter_retry, skipped_events
from eventshop.projections.dead_letter_retry import RetryResult
from eventshop.projections.models import DeadLetter, DeadLetterJob, EventCorrection, Rebuild
from eventshop.projections.projection import projection_registry


def find_letter(name: str, event_id: UUID) -> DeadLetter:
    """Raises `UnknownProjection`, and `ProjectionError` when the event is no dead letter of the projection."""
    projection_registry.get(name)
    letter = DeadLetter.objects.filter(projection=name, event_id=event_id).first()
    if letter is None:
        raise ProjectionError(f"{event_id} is no dead letter of {name}", projection=name)
    return letter


def retry(name: str, aggregate_id: UUID, *, actor: str, up_to: int | None = None) -> RetryResult:
    """As `dead_letter_retry.retry`, and record it."""
    result = dead_letter_retry.retry(name, aggregate_id, up_to=up_to)
    end = "" if up_to is None else f" up to position {up_to}"
    text = f"{result.folded} folded{end}, {result.remaining} left"
    record_action(actor=actor, action="retry dead letters", target=f"{name} {aggregate_id}", result=text)
    return result


def skip(name: str, event_id: UUID, *, actor: str, reason: str) -> None:
    """As `skipped_events.skip`, and record it."""
    with transaction.atomic():
        row = skipped_events.skip(name, event_id, reason=reason, actor=actor)
        record_action(actor=actor, action="skip dead letter", target=str(row), reason=reason)


def restore(name: str, event_id: UUID, *, actor: str, reason: str) -> Rebuild:
    """As `skipped_events.restore`, and record it."""
    with transaction.atomic():
        job = skipped_events.restore(name, event_id, reason=reason, actor=actor)
        target = f"{event_id} in {name}"
        record_action(
            actor=actor, action="restore skipped event", target=target, reason=reason, result=f"rebuild {job.pk}"
        )
    return job


def act_on_cause(name: str, fingerprint: str, verb: str, *, actor: str, reason: str = "") -> DeadLetterJob:
    """As `dead_letter_jobs.request`, and record it."""
    with transaction.atomic():
        job = dead_letter_jobs.request(name, fingerprint, verb, reason=reason, requested_by=actor)
        result = f"job {job.pk}: {job.total:,} dead letters"
        record_action(
            actor=actor, action=f"{verb} cause", target=f"{name}: {fingerprint}", reason=reason, result=result
        )
    return job


def cancel_job(job: DeadLetterJob, *, actor: str) -> None:
    """As `dead_letter_jobs.cancel`, and record it."""
    with transaction.atomic():
        dead_letter_jobs.cancel(job)
        record_action(actor=actor, action="cancel dead letter job", target=f"{job.pk}: {job}")


def correct(name: str, event_id: UUID, fields: Mapping[str, Any], *, actor: str, reason: str) -> EventCorrection:
    """As `corrections.propose`, and record it."""
    with transaction.atomic():
        row = corrections.propose(name, event_id, fields, reason=reason, actor=actor)
        row.refresh_from_db()
        result = "holds" if row.approved_at else "waits for a second person"
        record_action(actor=actor, action="correct dead letter", target=str(row), reason=reason, result=result)
    return row


def approve(row: EventCorrection, *, actor: str) -> None:
    """As `corrections.approve`, and record it."""
    with transaction.atomic():
        corrections.approve(row, actor=actor)
        record_action(actor=actor, action="approve correction", target=str(row))


def withdraw(row: EventCorrection, *, actor: str, reason: str) -> Rebuild | None:
    """As `corrections.withdraw`, and record it."""
    with transaction.atomic():
        job = corrections.withdraw(row, reason=reason, actor=actor)
        result = f"rebuild {job.pk}" if job else ""
        record_action(actor=actor, action="withdraw correction", target=str(row), reason=reason, result=result)
    return job
