"""Carrying out effects: outside any transaction, by handlers that get a key, until there is an answer."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID

from django.utils import timezone

from eventshop.core.saga import Answer
from eventshop.core.serialization import canonical, decode_stored
from eventshop.eventstore.backends import bulk_sql
from eventshop.eventstore.backends.bulk_sql import literally
from eventshop.eventstore.unit_of_work import many_writes
from eventshop.runtime.fault_injection import point
from eventshop.sagas import inbox
from eventshop.sagas.command_results import failure
from eventshop.sagas.models import SagaInput, SagaStep
from eventshop.sagas.saga_registry import Catalogue
from eventshop.sagas.saga_registry import catalogue as known
from eventshop.sagas.timers import AWAY

log = logging.getLogger(__name__)

#: How long nobody else tries an effect that a worker has taken: longer than any handler takes.
LEASE: Final = timedelta(seconds=60)
#: How often an effect is tried without an answer before its saga is stuck: for some three quarters of an hour.
TRIES: Final = 30
FIRST_WAIT: Final = timedelta(seconds=0.5)
LONGEST_WAIT: Final = timedelta(minutes=2)

_OPEN: Final = (SagaStep.State.WAITING, SagaStep.State.FAILED)


def take(owner: str, limit: int) -> Sequence[SagaStep]:
    """Effects that nobody tries now, for this worker to try. One statement when there are none."""
    now = timezone.now()
    waiting = literally(SagaStep, "state = 'waiting'")
    due = waiting.filter(what=SagaStep.What.EFFECT, looked_at_from__lte=now)
    found = list(due.order_by("looked_at_from").values_list("pk", flat=True)[:limit])
    if not found:
        return []
    with many_writes():
        taken = list(due.filter(pk__in=found).select_for_update(skip_locked=True))
        SagaStep.objects.filter(pk__in=[step.pk for step in taken]).update(owner=owner, looked_at_from=now + LEASE)
    return taken


class Answered(NamedTuple):
    """What came of trying an effect: an answer, or why there is none yet."""

    step: SagaStep
    said: Answer | None
    error: str = ""


def tried(step: SagaStep, *, sagas: Catalogue = known) -> Answered:
    """Carry out an effect once, outside any transaction. Raises only when the database is away."""
    point("saga.before-effect")
    try:
        kind, handler = sagas.effect(step.name)
        said = handler(decode_stored(kind, step.payload), step.step_id)
    except AWAY:
        raise
    except Exception as error:  # a handler may raise anything; the effect is tried again
        return Answered(step, None, f"{type(error).__name__}: {error}")
    point("saga.after-effect")
    return Answered(step, said, "" if said else "no answer yet")


def record(outcomes: Sequence[Answered]) -> None:
    """Write down what came of some effects, in one transaction. An answer that came otherwise meanwhile stays."""
    now = timezone.now()
    answers = {it.step.pk: it.said for it in outcomes if it.said is not None}
    with many_writes():
        if answers:
            still = SagaStep.objects.select_for_update().filter(pk__in=list(answers), state__in=_OPEN)
            _answer([(step, answers[step.pk]) for step in still.order_by("pk")], now)
        for it in outcomes:
            if it.said is None:
                _failed(it.step, it.error, now)


def answer(key: UUID, said: Answer, *, actor: str = "") -> bool:
    """Tell a saga what came of its effect; whether this is the first answer. Later ones change nothing.

    For whoever hears of it otherwise (a webhook). False, too, for a key that no effect has.
    """
    with many_writes():
        still = SagaStep.objects.select_for_update().filter(pk=key, what=SagaStep.What.EFFECT, state__in=_OPEN)
        step = still.first()
        if step is not None:
            _answer([(step, said)], timezone.now(), actor)
    return step is not None


def _answer(pairs: Sequence[tuple[SagaStep, Answer]], now: datetime, actor: str = "") -> None:
    heard: list[SagaInput] = []
    for step, said in pairs:
        payload = canonical(said)[0].decode()
        step.state, step.answer = SagaStep.State.ANSWERED, _told(said, payload)
        step.answered_at, step.owner = now, ""
        heard.append(_input(step, said, payload, actor, now))
    bulk_sql.update([step for step, _ in pairs], ["state", "answer", "answered_at", "owner"])
    inbox.write(heard)


def _input(step: SagaStep, said: Answer, payload: str, actor: str, now: datetime) -> SagaInput:
    return SagaInput(
        saga_id=step.saga_id,
        slot=step.slot,
        what=SagaInput.What.ANSWER,
        name=type(said).__name__,
        cause_id=step.step_id,
        payload=payload,
        actor=actor,
        heard_at=now,
    )


def _told(said: Answer, payload: str) -> str:
    return f"{type(said).__name__} {payload}"[:2_000]


def _failed(step: SagaStep, error: str, now: datetime) -> None:
    """Try again later, ever later; after so many tries its saga is stuck."""
    step.attempts += 1
    step.answer = error[:2_000]
    wait = min(FIRST_WAIT * 2 ** min(step.attempts - 1, 20), LONGEST_WAIT)
    last = step.attempts % TRIES == 0
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
        inbox.write([failure(step, now)])
