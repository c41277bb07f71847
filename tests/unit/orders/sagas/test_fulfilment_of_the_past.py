"""What fulfilment knows from events alone, when it does not get the answers of the gateway that led to them."""

from __future__ import annotations

import pytest

from eventshop.core.saga import SagaMessage, TimerFired
from eventshop.testing.given_when_then import given_saga, round_trip
from orders.domain.commands import CancelOrder
from orders.domain.events import InventoryReserved, PaymentDeclined, PaymentVoided
from orders.sagas.fulfilment_effects import CapturePayment, RefundPayment, TakePayment, VoidAuthorisation
from orders.sagas.fulfilment_saga import Fulfilment
from tests.unit.orders.domain.examples import (
    ADA,
    CHARGE,
    DUE,
    ORDER,
    PAYMENT,
    authorised,
    cancelled,
    created,
    delivered,
    gbp,
    owed,
    paid,
    refund_id,
    refunded,
    requested,
    shipped,
)

reserved = [InventoryReserved(sku, ORDER, quantity) for sku, quantity in (("71053", 6), ("21212", 2))]
asked: list[SagaMessage] = [created, *reserved, requested]
declined = PaymentDeclined(ORDER, ADA, DUE, "card expired", PAYMENT, "card")
voided = PaymentVoided(ORDER, ADA, PAYMENT, DUE, CHARGE)

take = TakePayment(ORDER, DUE, "card", PAYMENT)
capture = CapturePayment(ORDER, PAYMENT, CHARGE, DUE)
void = VoidAuthorisation(ORDER, PAYMENT, CHARGE)
refund = RefundPayment(ORDER, CHARGE, gbp("3.39"), refund_id())
back = owed("3.39")


def after(*messages: SagaMessage) -> Fulfilment:
    saga = Fulfilment()
    for message in messages:
        saga = saga.evolve(round_trip(message))  # type: ignore[arg-type]
    return saga


@pytest.mark.parametrize(
    ("effect", "before", "answer"),
    [
        pytest.param(take, asked, paid, id="taken"),
        pytest.param(take, asked, authorised, id="authorised"),
        pytest.param(take, asked, declined, id="declined"),
        pytest.param(capture, [*asked, authorised, shipped], paid, id="captured"),
        pytest.param(void, [*asked, authorised, cancelled()], voided, id="voided"),
        pytest.param(refund, [*asked, paid, shipped, delivered, back], refunded("3.39"), id="refunded"),
    ],
)
def test_an_effect_is_awaited_until_an_event_answers_it(
    effect: TakePayment, before: list[SagaMessage], answer: SagaMessage
) -> None:
    assert after(*before).awaits(effect)
    assert not after(*before, answer).awaits(effect)


@pytest.mark.parametrize(
    "history",
    [
        pytest.param([*asked, paid, shipped, delivered], id="delivered"),
        pytest.param([*asked, authorised, shipped, paid], id="captured"),
        pytest.param([*asked, authorised, cancelled(), voided], id="voided"),
        pytest.param([*asked, declined, cancelled()], id="cancelled"),
        pytest.param([*asked, paid, shipped, delivered, back, refunded("3.39")], id="refunded"),
    ],
)
def test_a_finished_order_has_ended_without_the_answers(history: list[SagaMessage]) -> None:
    assert after(*history).ended


def test_an_overdue_order_whose_payment_is_declined_elsewhere_is_cancelled() -> None:
    late = (*asked, TimerFired("payment"))
    given_saga(Fulfilment, *late).when(declined).then(CancelOrder(ORDER, "not paid in time"))
