"""Reported cases of orders and payments, as the domain and its sagas meet them."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

import pytest
from django.db.models.functions import Now

from eventshop.core.messages import new_id
from eventshop.eventstore.event_store import store
from eventshop.sagas.event_router import EventRouter
from eventshop.sagas.models import SagaStep
from eventshop.sagas.saga_runner import SagaRunner
from orders.domain.commands import (
    CreateOrder,
    RecordObservedCancellation,
    RecordObservedPayment,
    RecordObservedShipment,
    RequestPayment,
)
from orders.domain.events import Line, PaymentDeclined, PaymentProcessed, PaymentRefunded, RuleBroken
from orders.domain.order import PaymentStateName, Status
from tests.support.in_memory_gateway import InMemoryGateway
from tests.support.order_fulfilment import (
    event_types_of,
    let_deadline_pass,
    load_order,
    load_saga,
    load_stock,
    place_order,
    receive_stock,
    return_goods,
    run_sagas_until_idle,
    send_for_order,
)
from tests.support.sales import gbp

pytestmark = pytest.mark.usefixtures("clean_database")


@pytest.fixture
def gateway() -> InMemoryGateway:
    receive_stock("mug", 10)
    return InMemoryGateway()


def test_an_order_and_nothing_more_is_never_charged(gateway: InMemoryGateway) -> None:
    """Input: one product in stock is ordered, then nothing. Right: set aside until a deadline, then released."""
    order_id = place_order(("mug", 1), method="")
    run_sagas_until_idle(gateway)
    assert (event_types_of(order_id), load_stock("mug").on_hand) == (["OrderCreated"], 9)
    let_deadline_pass()
    run_sagas_until_idle(gateway)
    assert (event_types_of(order_id), load_stock("mug").on_hand) == (["OrderCreated", "OrderCancelled"], 10)
    assert not gateway.requested_keys


@pytest.mark.parametrize("steps", range(6))
def test_a_payment_asked_for_after_any_number_of_steps_is_by_the_method_asked_for(
    gateway: InMemoryGateway, steps: int
) -> None:
    """Input: `declined` is asked for sooner or later after the order. Right: declined each time, and named so."""
    order_id = place_order(("mug", 1), method="")
    sagas = gateway.saga_registry()
    router, runner = EventRouter("test", sagas=sagas), SagaRunner("test", sagas=sagas)
    router.renew_lease()
    runner.renew_leases(1)
    for _ in range(steps):
        router.route_events()
        runner.process_inbox()
    send_for_order(order_id, RequestPayment(order_id, "declined"))
    run_sagas_until_idle(gateway)
    [declined] = [e.event for e in store.get_events(order_id) if e.meta.event_type == "PaymentDeclined"]
    assert isinstance(declined, PaymentDeclined)
    assert declined.method == "declined"
    assert gateway.balance == 0
    assert "PaymentProcessed" not in event_types_of(order_id)


def test_events_of_refunds_say_what_the_bank_moved(gateway: InMemoryGateway) -> None:
    """Input: two pieces at 3.335 GBP, returned one by one. Right: 3.34 and 3.33, in the events and at the bank."""
    order_id = place_order(("mug", 2), price="3.335")
    run_sagas_until_idle(gateway)
    moved = []
    for reference in ("R1", "R2"):
        before = gateway.balance
        return_goods(order_id, 1, 1, reference=reference)
        run_sagas_until_idle(gateway)
        moved.append(before - gateway.balance)
    refunds = [e.event.amount.amount for e in store.get_events(order_id) if isinstance(e.event, PaymentRefunded)]
    assert refunds == moved == [Decimal("3.34"), Decimal("3.33")]


def test_after_a_declined_card_another_one_pays_the_order(gateway: InMemoryGateway) -> None:
    """Input: a card that is declined. Right: the order waits, and is paid by another card until the deadline."""
    order_id = place_order(("mug", 2), method="declined")
    run_sagas_until_idle(gateway)
    assert (load_order(order_id).status, load_stock("mug").on_hand) == (Status.CREATED, 8)
    send_for_order(order_id, RequestPayment(order_id, "card"))
    run_sagas_until_idle(gateway)
    assert [payment.status for payment in load_order(order_id).payments] == ["declined", "taken"]
    assert load_order(order_id).status is Status.SHIPPED


def test_the_books_of_a_marketplace_can_be_recorded(gateway: InMemoryGateway) -> None:
    """Input: an order with freight, shipped before two part payments by different methods, cancelled after shipping.

    Right: each is recorded as an observed fact; what breaks a rule is marked; states and totals are true.
    """
    order_id = create_order_with_freight()
    for fact in (
        RecordObservedShipment(order_id, "Royal Mail", "RM1"),
        RecordObservedPayment(order_id, gbp("5.00"), "voucher"),
        RecordObservedPayment(order_id, gbp("3.50"), "bank_transfer"),
        RecordObservedCancellation(order_id, "the buyer changed their mind"),
    ):
        send_for_order(order_id, fact)
        run_sagas_until_idle(gateway)
    events = [recorded.event for recorded in store.get_events(order_id)]
    assert [type(event).__name__ for event in events] == [
        *("OrderCreated", "OrderShipped", "RuleBroken", "PaymentProcessed", "PaymentProcessed"),
        *("OrderCancelled", "RuleBroken"),
    ]
    assert [event.rule for event in events if isinstance(event, RuleBroken)] == [
        "shipped-before-paid",
        "cancelled-after-shipping",
    ]
    assert all(getattr(event, "observed", True) for event in events[1:])
    sold = [line for event in events if isinstance(event, PaymentProcessed) for line in event.lines]
    assert [(line.kind, line.quantity, line.amount) for line in sold] == [
        ("product", 2, gbp("4.00")),
        ("freight", 1, gbp("4.50")),
    ]
    order = load_order(order_id)
    assert (order.status, order.balance.paid) == (Status.CANCELLED, Decimal("8.50"))
    assert order.payment_state is PaymentStateName.OVERPAID, "the customer has paid, and nothing is due any more"
    assert (load_stock("mug").on_hand, gateway.requested_keys, load_saga(order_id).status) == (10, [], "ended")


def create_order_with_freight() -> UUID:
    order_id = new_id()
    lines = (Line("mug", "", 2, gbp("2.00")), Line("POST", "Postage", 1, gbp("4.50"), "freight"))
    send_for_order(order_id, CreateOrder(order_id, "M-1", None, lines))
    return order_id


def test_what_is_asked_of_a_gateway_that_is_down_is_asked_once(gateway: InMemoryGateway) -> None:
    """Input: the gateway does not answer for a while. Right: one charge, by the method asked for, and one event."""
    gateway.is_down = True
    order_id = place_order(("mug", 1), method="voucher")
    run_sagas_until_idle(gateway)
    gateway.is_down = False
    SagaStep.objects.update(looked_at_from=Now())
    run_sagas_until_idle(gateway)
    [payment] = load_order(order_id).payments
    assert (payment.method, payment.taken, len(set(gateway.requested_keys))) == ("voucher", gbp("2.00"), 1)
