"""The erasure saga and the consent expiry saga."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from uuid import uuid4

import pytest
from msgspec.structs import replace

from eventshop.core.saga import CancelTimer, RefusedCommand, Saga, SagaAction, StartTimer, TimerFired
from tests.unit.users.domain.examples import (
    ADA,
    DUE,
    NEXT_YEAR,
    begin,
    begun,
    cancelled,
    erased,
    expire,
    granted,
    requested,
    withdrawn,
)
from users.domain.errors import OnLegalHold
from users.domain.events import ConsentExpired
from users.sagas.consent_expiry_saga import ConsentExpirySaga
from users.sagas.erasure_effects import EraseConsentData, EraseTraces, GroundsFound, LookForGrounds, TracesErased
from users.sagas.erasure_saga import COOLING_OFF, RECHECK_AFTER, ErasureSaga

over = TimerFired(COOLING_OFF)
free = GroundsFound(())
open_order = GroundsFound(("Order 000001 is not finished: it is paid",))
gone = TracesErased(uuid4())
on_hold = RefusedCommand(begin, OnLegalHold.code, "a claim in court")


def run_saga(saga: Saga[object], *messages: object) -> tuple[Saga[object], list[Sequence[SagaAction]]]:
    """Feed messages to a saga; returns its last state and the actions after each message."""
    actions = []
    for message in messages:
        actions.append(saga.react(message))
        saga = saga.evolve(message)
    return saga, actions


def run_erasure(*messages: object) -> tuple[bool, Sequence[SagaAction]]:
    saga, actions = run_saga(ErasureSaga(), *messages)  # type: ignore[arg-type]
    return saga.ended, actions[-1]


def test_a_person_leaves_when_their_time_is_over_and_nothing_keeps_them() -> None:
    assert run_erasure(requested) == (False, [StartTimer(COOLING_OFF, due=DUE)])
    assert run_erasure(requested, over) == (False, [LookForGrounds(ADA)])
    assert run_erasure(requested, over, free) == (False, [begin])
    assert run_erasure(requested, over, free, begun) == (False, [EraseTraces(ADA)])
    assert run_erasure(requested, over, free, begun, gone) == (True, [])


def test_an_open_order_or_a_legal_hold_is_looked_at_again_a_day_later() -> None:
    wait = [StartTimer(COOLING_OFF, after=RECHECK_AFTER)]
    assert run_erasure(requested, over, open_order) == (False, wait)
    assert run_erasure(requested, over, open_order, over) == (False, [LookForGrounds(ADA)])
    assert run_erasure(requested, over, free, on_hold) == (False, wait)


def test_a_person_who_changed_their_mind_stays_and_may_ask_again() -> None:
    assert run_erasure(requested, cancelled) == (True, [CancelTimer(COOLING_OFF)])
    assert run_erasure(requested, cancelled, over) == (True, [])
    assert run_erasure(requested, over, cancelled, free) == (True, [])
    assert run_erasure(requested, cancelled, requested) == (False, [StartTimer(COOLING_OFF, due=DUE)])


def run_consent_expiry(*messages: object) -> tuple[bool, Sequence[SagaAction]]:
    saga, actions = run_saga(ConsentExpirySaga(), *messages)  # type: ignore[arg-type]
    return saga.ended, actions[-1]


@pytest.mark.parametrize("end", [withdrawn, ConsentExpired(ADA, "Personalisation"), erased])
def test_a_consent_ends_on_its_day_unless_it_has_ended_before(end: object) -> None:
    over = TimerFired("Personalisation")
    assert run_consent_expiry(granted) == (False, [StartTimer("Personalisation", due=NEXT_YEAR)])
    assert run_consent_expiry(granted, over) == (False, [expire])
    assert run_consent_expiry(granted, end)[0]
    assert run_consent_expiry(granted, end, over) == (True, [])


def test_a_renewed_consent_has_a_new_day() -> None:
    renewed = replace(granted, expires_at=NEXT_YEAR + timedelta(days=9))
    assert run_consent_expiry(granted, renewed)[1] == [StartTimer("Personalisation", due=renewed.expires_at)]
    later = replace(expire, expires_at=renewed.expires_at, at=renewed.expires_at)
    assert run_consent_expiry(granted, renewed, TimerFired("Personalisation")) == (False, [later])


def test_what_ended_is_not_waited_for() -> None:
    erase_data = EraseConsentData(ADA, "Personalisation")
    assert run_consent_expiry(granted, withdrawn) == (True, [CancelTimer("Personalisation"), erase_data])
    assert run_consent_expiry(granted, ConsentExpired(ADA, "Personalisation")) == (True, [erase_data])
    assert run_consent_expiry(granted, erased) == (True, [CancelTimer("Personalisation")])
