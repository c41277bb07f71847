"""Effects are performed outside any transaction, by handlers that get an idempotency key, until there is a result."""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID

from django.db.models import F, QuerySet
from django.db.models.functions import Coalesce, Now
from django.utils import timezone

from eventshop.core.log_context import log_context
from eventshop.core.request_context import RequestContext, use_request_context
from eventshop.core.saga import EffectResult
from eventshop.core.serialization import decode_stored, encode_canonical
from eventshop.eventstore.backends import bulk_sql
from eventshop.eventstore.backends.bulk_sql import filter_literally, new_row
from eventshop.eventstore.unit_of_work import batch_write
from eventshop.runtime import tracing
from eventshop.runtime.backoff import TRANSIENT_ERRORS, Backoff
from eventshop.runtime.database_clock import seconds_until_first
from eventshop.runtime.fault_injection import crash_point
from eventshop.runtime.leases import claim_due_rows
from eventshop.sagas import inbox
from eventshop.sagas.command_results import failure_message
from eventshop.sagas.models import InboxMessage, SagaStep
from eventshop.sagas.saga_registry import SagaRegistry, saga_registry

log = logging.getLogger(__name__)

#: How long a worker keeps an effect that it has claimed: longer than any handler takes.
LEASE: Final = timedelta(seconds=60)
#: Attempts at an effect without a result before its saga is suspended: they take some three quarters of an hour.
MAX_ATTEMPTS: Final = 30
BACKOFF: Final = Backoff(timedelta(seconds=0.5), timedelta(minutes=2))
#: The `answer` of an effect that has not failed: its result is still to come.
NO_RESULT: Final = "no result yet"

_OPEN_STATES: Final = (SagaStep.State.WAITING, SagaStep.State.FAILED)


def claim_effects(owner: str, limit: int) -> Sequence[SagaStep]:
    """Claim due effects for this worker. One statement when there are none."""
    waiting = _waiting_effects().order_by("looked_at_from")
    return claim_due_rows(
        waiting, due_column="looked_at_from", lease=LEASE, limit=limit, write=batch_write, owner=owner
    )


def seconds_until_due() -> float:
    """How long until an effect is due, at most 0 if one is; infinite without effects. One statement."""
    return seconds_until_first(_waiting_effects(), "looked_at_from")


def release_claims(steps: Collection[SagaStep]) -> None:
    """Make effects due again at once, instead of when their leases expire."""
    waiting = _waiting_effects().filter(pk__in=[step.pk for step in steps])
    waiting.update(looked_at_from=Now(), owner="")


def _waiting_effects() -> QuerySet[SagaStep]:
    return filter_literally(SagaStep, "state = 'waiting'").filter(what=SagaStep.Kind.EFFECT)


class EffectAttempt(NamedTuple):
    """One attempt at an effect: its result, or the reason why there is none yet."""

    step: SagaStep
    result: EffectResult | None
    error: str = ""


def perform_effect(step: SagaStep, *, sagas: SagaRegistry = saga_registry) -> EffectAttempt:
    """Perform an effect once, outside any transaction. Raises only transient database errors."""
    crash_point("saga.before-effect")
    try:
        effect, handler = sagas.effect_handler(step.name, recalled=step.recalled)
        with (
            log_context(saga_id=step.saga_id, effect=step.name, effect_id=step.step_id),
            tracing.span("effect", step.name, parent=step.traceparent, saga_id=str(step.saga_id)) as own,
            use_request_context(RequestContext(tracing.as_metadata(own or step.traceparent))),
        ):
            result = handler(decode_stored(effect, step.payload), step.step_id)
        if result is not None:
            encode_canonical(_checked(step, result))  # what cannot be stored is this effect's failure, not the batch's
    except TRANSIENT_ERRORS:
        raise
    except Exception as error:  # a handler may raise anything; the effect is tried again
        return EffectAttempt(step, None, f"{type(error).__name__}: {error}")
    crash_point("saga.after-effect")
    return EffectAttempt(step, result, "" if result else NO_RESULT)


def _checked(step: SagaStep, result: object) -> EffectResult:
    if not isinstance(result, EffectResult):
        raise TypeError(f"the handler of {step.name} returned {type(result).__name__}, which is no effect result")
    return result


def record_attempts(attempts: Sequence[EffectAttempt]) -> None:
    """Record attempts in one transaction. A result that was recorded by another way meanwhile stays."""
    now = timezone.now()
    results = {attempt.step.pk: attempt.result for attempt in attempts if attempt.result is not None}
    with batch_write():
        if results:
            open_steps = SagaStep.objects.select_for_update().filter(pk__in=list(results), state__in=_OPEN_STATES)
            _record_results([(step, results[step.pk]) for step in open_steps.order_by("pk")], now)
        for attempt in attempts:
            if attempt.result is None:
                _record_failure(attempt.step, attempt.error)


def record_effect_result(key: UUID, result: EffectResult, *, actor: str = "") -> bool:
    """Record a result that arrived outside the handler (by a webhook); whether it was the first one.

    A later result changes nothing. False, too, for a key that no effect has.
    """
    with batch_write():
        open_steps = SagaStep.objects.select_for_update().filter(
            pk=key, what=SagaStep.Kind.EFFECT, state__in=_OPEN_STATES
        )
        step = open_steps.first()
        if step is not None:
            _record_results([(step, result)], timezone.now(), actor)
    return step is not None


def _record_results(pairs: Sequence[tuple[SagaStep, EffectResult]], now: datetime, actor: str = "") -> None:
    messages: list[InboxMessage] = []
    for step, result in pairs:
        payload = encode_canonical(result)[0].decode()
        step.state, step.answer = SagaStep.State.ANSWERED, f"{type(result).__name__} {payload}"[:2_000]
        step.answered_at, step.owner = now, ""
        messages.append(_inbox_message(step, result, payload, actor, now))
    bulk_sql.update_rows([step for step, _ in pairs], ["state", "answer", "answered_at", "owner"])
    inbox.add_messages(messages)


def _inbox_message(step: SagaStep, result: EffectResult, payload: str, actor: str, now: datetime) -> InboxMessage:
    return new_row(
        InboxMessage,
        saga_id=step.saga_id,
        slot=step.slot,
        what=InboxMessage.Kind.ANSWER,
        name=type(result).__name__,
        cause_id=step.step_id,
        payload=payload,
        actor=actor,
        heard_at=now,
        traceparent=step.traceparent,
    )


def _record_failure(step: SagaStep, error: str) -> None:
    """Try again with exponential back-off; after `MAX_ATTEMPTS` the saga is suspended."""
    step.attempts += 1
    step.answer = error[:2_000]
    is_last = step.attempts % MAX_ATTEMPTS == 0
    # The class alone: what a handler says may quote what a gateway or a person wrote. The step keeps the text.
    reason = step.answer.partition(":")[0]
    log.warning("%s of saga %s, attempt %s: %s", step.name, step.saga_id, step.attempts, reason)
    # Unless a result has arrived by another way meanwhile.
    updated = SagaStep.objects.filter(pk=step.pk, state=SagaStep.State.WAITING).update(
        attempts=step.attempts,
        failing_since=Coalesce(F("failing_since"), Now()),
        answer=step.answer,
        looked_at_from=Now() + BACKOFF.delay(step.attempts),
        state=SagaStep.State.FAILED if is_last else SagaStep.State.WAITING,
        owner="",
    )
    if updated and is_last:
        inbox.add_messages([failure_message(step, timezone.now())])
