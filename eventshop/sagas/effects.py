"""Carrying out effects: outside any transaction, by handlers that get a key, until there is an answer."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID

from django.utils import timezone

from eventshop.core.saga import EffectResult
from eventshop.core.serialization import decode_stored, encode_canonical
from eventshop.eventstore.backends import bulk_sql
from eventshop.eventstore.backends.bulk_sql import filter_literally
from eventshop.eventstore.unit_of_work import batch_write
from eventshop.runtime.fault_injection import crash_point
from eventshop.sagas import inbox
from eventshop.sagas.command_results import failure_message
from eventshop.sagas.models import InboxMessage, SagaStep
from eventshop.sagas.saga_registry import SagaRegistry
from eventshop.sagas.saga_registry import saga_registry as known
from eventshop.sagas.timers import TRANSIENT_ERRORS

log = logging.getLogger(__name__)

#: How long nobody else tries an effect that a worker has taken: longer than any handler takes.
LEASE: Final = timedelta(seconds=60)
#: How often an effect is tried without an answer before its saga is stuck: for some three quarters of an hour.
MAX_ATTEMPTS: Final = 30
FIRST_WAIT: Final = timedelta(seconds=0.5)
LONGEST_WAIT: Final = timedelta(minutes=2)

_OPEN: Final = (SagaStep.State.WAITING, SagaStep.State.FAILED)


def claim_effects(owner: str, limit: int) -> Sequence[SagaStep]:
    """Effects that nobody tries now, for this worker to try. One statement when there are none."""
    now = timezone.now()
    waiting = filter_literally(SagaStep, "state = 'waiting'")
    due = waiting.filter(what=SagaStep.Kind.EFFECT, looked_at_from__lte=now)
    found = list(due.order_by("looked_at_from").values_list("pk", flat=True)[:limit])
    if not found:
        return []
    with batch_write():
        taken = list(due.filter(pk__in=found).select_for_update(skip_locked=True))
        SagaStep.objects.filter(pk__in=[step.pk for step in taken]).update(owner=owner, looked_at_from=now + LEASE)
    return taken


class EffectAttempt(NamedTuple):
    """What came of trying an effect: an answer, or why there is none yet."""

    step: SagaStep
    result: EffectResult | None
    error: str = ""


def perform_effect(step: SagaStep, *, sagas: SagaRegistry = known) -> EffectAttempt:
    """Carry out an effect once, outside any transaction. Raises only when the database is away."""
    crash_point("saga.before-effect")
    try:
        kind, handler = sagas.effect_handler(step.name)
        said = handler(decode_stored(kind, step.payload), step.step_id)
    except TRANSIENT_ERRORS:
        raise
    except Exception as error:  # a handler may raise anything; the effect is tried again
        return EffectAttempt(step, None, f"{type(error).__name__}: {error}")
    crash_point("saga.after-effect")
    return EffectAttempt(step, said, "" if said else "no answer yet")


def record_attempts(outcomes: Sequence[EffectAttempt]) -> None:
    """Write down what came of some effects, in one transaction. An answer that came otherwise meanwhile stays."""
    now = timezone.now()
    answers = {it.step.pk: it.result for it in outcomes if it.result is not None}
    with batch_write():
        if answers:
            still = SagaStep.objects.select_for_update().filter(pk__in=list(answers), state__in=_OPEN)
            _answer([(step, answers[step.pk]) for step in still.order_by("pk")], now)
        for it in outcomes:
            if it.result is None:
                _failed(it.step, it.error, now)


def record_effect_result(key: UUID, result: EffectResult, *, actor: str = "") -> bool:
    """Tell a saga what came of its effect; whether this is the first answer. Later ones change nothing.

    For whoever hears of it otherwise (a webhook). False, too, for a key that no effect has.
    """
    with batch_write():
        still = SagaStep.objects.select_for_update().filter(pk=key, what=SagaStep.Kind.EFFECT, state__in=_OPEN)
        step = still.first()
        if step is not None:
            _answer([(step, result)], timezone.now(), actor)
    return step is not None


def _answer(pairs: Sequence[tuple[SagaStep, EffectResult]], now: datetime, actor: str = "") -> None:
    heard: list[InboxMessage] = []
    for step, said in pairs:
        payload = encode_canonical(said)[0].decode()
        step.state, step.answer = SagaStep.State.ANSWERED, _told(said, payload)
        step.answered_at, step.owner = now, ""
        heard.append(_input(step, said, payload, actor, now))
    bulk_sql.update_rows([step for step, _ in pairs], ["state", "answer", "answered_at", "owner"])
    inbox.add_messages(heard)


def _input(step: SagaStep, said: EffectResult, payload: str, actor: str, now: datetime) -> InboxMessage:
    return InboxMessage(
        saga_id=step.saga_id,
        slot=step.slot,
        what=InboxMessage.Kind.ANSWER,
        name=type(said).__name__,
        cause_id=step.step_id,
        payload=payload,
        actor=actor,
        heard_at=now,
    )


def _told(said: EffectResult, payload: str) -> str:
    return f"{type(said).__name__} {payload}"[:2_000]


def _failed(step: SagaStep, error: str, now: datetime) -> None:
    """Try again later, ever later; after so many tries its saga is stuck."""
    step.attempts += 1
    step.answer = error[:2_000]
    wait = min(FIRST_WAIT * 2 ** min(step.attempts - 1, 20), LONGEST_WAIT)
    last = step.attempts % MAX_ATTEMPTS == 0
    log.warning("%s of saga %s, try %s: %s", step.name, step.saga_id, step.attempts, step.answer)
    # Unless an answer has come in another way meanwhile.
    still = SagaStep.objects.filter(pk=step.pk, state=SagaStep.State.WAITING).update(
        attempts=step.attempts,
        answer=step.answer,
        looked_at_from=now + wait,
        state=SagaStep.State.FAILED if last else SagaStep.State.WAITING,
        owner="",
    )
    if still and last:
        inbox.add_messages([failure_message(step, now)])
