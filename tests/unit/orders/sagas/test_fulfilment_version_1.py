"""Orders whose fulfilment an earlier release started: charged by no guess, and not lost."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from eventshop.core.saga import CancelTimer, SagaMessage, StartTimer, TimerFired
from eventshop.core.serialization import decode_stored
from eventshop.testing.given_when_then import WhenHandled
from orders.domain.commands import (
    CancelOrder,
    DispatchInventory,
    ProcessPayment,
    ReleaseInventory,
)
from orders.domain.events import PaymentRequested
from orders.sagas.fulfilment_effects import PaymentRefused, PaymentReturned, PaymentTaken, RefundPayment, TakePayment
from orders.sagas.fulfilment_version_1 import FulfilmentOfVersion1
from tests.unit.orders.domain.examples import (
    ADA,
    CHARGE,
    DUE,
    ORDER,
    PAYMENT,
    cancelled,
    owed,
    paid,
    refund_id,
    requested,
    shipped,
)
from tests.unit.orders.sagas.test_fulfilment_saga import LANTERNS, MUGS, set_aside

#: The state as version 1 stored it, after the event OrderCreated.
STATE: dict[str, Any] = {
    "stage": "RESERVING",
    "order_id": str(ORDER),
    "total": {"amount": "22.590", "currency": "GBP"},
    "method": "card",
    "asked": dict([LANTERNS, MUGS]),
    "held": {},
    "back": {},
    "paid": False,
    "paying": False,
    "charge": None,
    "taken": "0",
    "owed": "0",
    "refunded": "0",
    "refunds": 0,
}
HELD: dict[str, Any] = STATE | {"asked": {}, "held": dict([LANTERNS, MUGS])}
PAYING = HELD | {"stage": "PAYING", "paying": True}
PAID = HELD | {"stage": "SHIPPING", "paid": True, "charge": str(CHARGE), "taken": "22.590"}
SHIPPED = PAID | {"stage": "SHIPPED", "held": {}}
deadline = StartTimer("payment", after=timedelta(minutes=30))
#: The answer to a charge of an earlier release.
old_answer = PaymentTaken(CHARGE, DUE)


def handle(state: dict[str, Any], *messages: SagaMessage) -> WhenHandled:
    """The last message, handled after the others by a saga with this stored state."""
    saga = decode_stored(FulfilmentOfVersion1, msgspec.json.encode(state))
    for message in messages[:-1]:
        saga = WhenHandled(saga, message).state  # type: ignore[assignment]
    return WhenHandled(saga, messages[-1])


def test_an_order_that_was_not_charged_yet_waits_for_a_request() -> None:
    handle(STATE, set_aside[0]).then(deadline)
    handle(STATE, set_aside[0], set_aside[1]).then_nothing()
    handle(STATE, *set_aside, requested).then(TakePayment(ORDER, DUE, "card", PAYMENT))
    handle(STATE, *set_aside, TimerFired("payment")).then(CancelOrder(ORDER, "not paid in time"))


def test_a_request_that_it_had_heard_is_charged_by_the_method_asked_for() -> None:
    take = TakePayment(ORDER, DUE, "voucher", PAYMENT)
    handle(STATE | {"method": "voucher"}, *set_aside).then(take)
    handle(STATE | {"method": "voucher", "asked": dict([MUGS])}, set_aside[1]).then(take, deadline)


def test_a_request_of_an_earlier_release_that_it_had_not_heard_is_charged() -> None:
    old_request = PaymentRequested(ORDER, ADA, DUE, "voucher")
    handle(STATE, old_request, *set_aside).then(TakePayment(ORDER, DUE, "voucher", PAYMENT))


def test_a_charge_under_way_is_recorded_as_answered() -> None:
    handle(PAYING, old_answer).then(ProcessPayment(ORDER, DUE, "card", PAYMENT, CHARGE))
    handle(PAYING | {"method": "voucher"}, old_answer).then(ProcessPayment(ORDER, DUE, "voucher", PAYMENT, CHARGE))
    handle(PAYING, TimerFired("payment")).then_nothing()
    outcome = handle(PAYING, PaymentRefused("card expired"))
    assert [type(action).__name__ for action in outcome.actions] == ["DeclinePayment"]


def test_an_order_that_is_to_be_shipped_is_shipped_and_its_goods_are_sent() -> None:
    dispatch = [DispatchInventory(sku, ORDER, quantity) for sku, quantity in (LANTERNS, MUGS)]
    assert [action for action in handle(PAID, shipped).actions if action in dispatch] == dispatch
    assert handle(PAYING, old_answer, paid).actions[0] == CancelTimer("payment")
    paid_before = STATE | {"paid": True, "asked": dict([MUGS]), "held": dict([LANTERNS])}
    assert CancelTimer("payment") in handle(paid_before, set_aside[1]).actions


def test_a_cancelled_order_gives_back_what_was_taken_then() -> None:
    release = [ReleaseInventory(sku, ORDER, quantity) for sku, quantity in (LANTERNS, MUGS)]
    assert [action for action in handle(PAID, cancelled()).actions if action in release] == release
    handle(PAID, cancelled(), owed("22.59", reference="536365")).then(RefundPayment(ORDER, CHARGE, DUE, refund_id()))


def test_a_refund_that_was_under_way_is_not_recorded_again() -> None:
    handle(SHIPPED | {"refunds": 1}, PaymentReturned(DUE)).then_nothing().and_ended()


@pytest.mark.parametrize(("state", "ended"), [(STATE, False), (PAYING, False), (SHIPPED, True)])
def test_whether_it_has_ended_is_known_before_it_hears_anything(state: dict[str, Any], ended: bool) -> None:
    assert decode_stored(FulfilmentOfVersion1, msgspec.json.encode(state)).ended is ended
