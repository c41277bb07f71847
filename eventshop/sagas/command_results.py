"""The outcome of a saga's command: accepted, refused, or to be tried again."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from eventshop.core.deterministic_ids import derive_id
from eventshop.core.errors import EventShopError
from eventshop.eventstore.command_dispatcher import Outcome
from eventshop.eventstore.command_receipts import Receipt
from eventshop.runtime.backoff import Backoff
from eventshop.sagas import inbox
from eventshop.sagas.inbox import WaitingMessage
from eventshop.sagas.models import InboxMessage, SagaStep

log = logging.getLogger(__name__)

#: Attempts at a command that cannot be sent before its saga is suspended.
MAX_ATTEMPTS: Final = 8
BACKOFF: Final = Backoff(timedelta(milliseconds=200), timedelta(minutes=1))
#: The delay after a lost race.
CONFLICT_DELAY: Final = timedelta(milliseconds=100)
#: The delay after a program that is too old for the command's aggregate.
NEWER_RELEASE_DELAY: Final = timedelta(seconds=5)


def record_outcome(step: SagaStep, outcome: Outcome, now: datetime) -> InboxMessage | None:
    """Set the outcome of a command on its step; returns the message for the saga when the command was refused."""
    step.answered_at = now
    if isinstance(outcome, Receipt):
        step.state, step.aggregate_id, step.position = SagaStep.State.ACCEPTED, outcome.aggregate_id, outcome.position
        return None
    step.state, step.answer = SagaStep.State.REFUSED, f"{outcome.code}: {outcome}"[:2_000]
    return InboxMessage(
        saga_id=step.saga_id,
        slot=step.slot,
        what=InboxMessage.Kind.REFUSAL,
        name=step.name,
        cause_id=step.step_id,
        heard_at=now,
        traceparent=step.traceparent,
    )


def load_refused_steps(messages: Iterable[WaitingMessage]) -> dict[UUID, SagaStep]:
    """The steps that the refusals among these messages are about."""
    ids = [message.cause_id for message in messages if message.what == InboxMessage.Kind.REFUSAL]
    return SagaStep.objects.in_bulk(ids) if ids else {}


def next_pending_command(saga_id: UUID) -> SagaStep | None:
    """The first command of a saga that has not been sent; None when there is none or it failed too often."""
    pending = SagaStep.objects.filter(
        saga_id=saga_id, what=SagaStep.Kind.COMMAND, state__in=(SagaStep.State.WAITING, SagaStep.State.FAILED)
    )
    first = pending.order_by("number").first()
    return first if first is not None and first.state == SagaStep.State.WAITING else None


def postpone(step: SagaStep, error: EventShopError, now: datetime, delay: timedelta = CONFLICT_DELAY) -> None:
    """Try again after a while, and do not count the attempt: lost races, for one, say nothing about the command."""
    step.answer = str(error)[:2_000]
    step.looked_at_from = now + delay
    step.save(update_fields=["answer", "looked_at_from"])


def record_failure(step: SagaStep, error: Exception, now: datetime) -> None:
    """Try again with exponential back-off; after `MAX_ATTEMPTS` the saga is suspended."""
    step.attempts += 1
    step.failing_since = step.failing_since or now
    step.answer = f"{type(error).__name__}: {error}"[:2_000]
    step.looked_at_from = now + BACKOFF.delay(step.attempts)
    log.warning("%s of saga %s failed: %s", step.name, step.saga_id, error)
    if step.attempts % MAX_ATTEMPTS == 0:
        step.state = SagaStep.State.FAILED
        inbox.add_messages([failure_message(step, now)])
    step.save(update_fields=["attempts", "failing_since", "answer", "looked_at_from", "state"])


def failure_message(step: SagaStep, now: datetime) -> InboxMessage:
    """The message that suspends a saga because one of its steps failed too often."""
    return InboxMessage(
        saga_id=step.saga_id,
        slot=step.slot,
        what=InboxMessage.Kind.FAILURE,
        name=step.name,
        cause_id=derive_id("saga-failure", step.step_id, step.attempts),
        payload=f"{step.name} failed {step.attempts} times: {step.answer}"[:2_000],
        heard_at=now,
        traceparent=step.traceparent,
    )
