"""Pausing projections, and retrying and skipping dead letters, for the API; the operator log records it."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction

from eventshop.core.errors import InvalidMessage, ProjectionError
from eventshop.operations.operator_log import record_action
from eventshop.projections import checkpoints, dead_letter_retry, skipped_events
from eventshop.projections.dead_letter_retry import RetryResult
from eventshop.projections.models import DeadLetter
from eventshop.projections.projection import projection_registry


def set_paused(name: str, *, paused: bool, actor: str, reason: str) -> bool:
    """Pause a projection or resume it, and record it; False when it was so already, or has never run.

    Raises `UnknownProjection`, and `InvalidMessage` to pause without a reason.
    """
    projection_registry.get(name)
    if paused and not reason.strip():
        raise InvalidMessage("give a reason: the operator log shows why a projection stands still")
    with transaction.atomic():
        changed = checkpoints.set_paused(name, paused=paused)
        record_action(
            actor=actor,
            action="pause projection" if paused else "resume projection",
            target=name,
            reason=reason,
            result="" if changed else "it was so already, or has never run",
        )
    return changed


def retry_dead_letter(name: str, event_id: UUID, *, actor: str) -> RetryResult:
    """Retry the queue of a dead letter, and record it. Raises `ProjectionError` when the event is none."""
    projection_registry.get(name)
    letter = DeadLetter.objects.filter(projection=name, event_id=event_id).first()
    if letter is None:
        raise ProjectionError(f"{event_id} is no dead letter of {name}", projection=name)
    result = dead_letter_retry.retry(name, letter.aggregate_id)
    text = f"{result.folded} folded, {result.remaining} left"
    target = f"{name} {letter.aggregate_id}"
    record_action(actor=actor, action="retry dead letters", target=target, result=text)
    return result


def skip_dead_letter(name: str, event_id: UUID, *, actor: str, reason: str) -> None:
    """As `skipped_events.skip`, and record it."""
    with transaction.atomic():
        row = skipped_events.skip(name, event_id, reason=reason, actor=actor)
        record_action(actor=actor, action="skip dead letter", target=str(row), reason=reason)
