"""The rules of the aggregate `Order`: creation, shipping, cancellation."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from eventshop.core.errors import CommandRefused, InvalidMessage
from eventshop.testing.given_when_then import given
from orders.domain.commands import CreateOrder
from orders.domain.errors import InvalidOrderState, NothingToShip
from orders.domain.events import ExternalId, ItemsReturned, Line, OrderCreated
from orders.domain.order import Order
from tests.unit.orders.domain.examples import (
    DUE,
    LINES,
    ORDER,
    SIX_LANTERNS,
    SOLD,
    TWO_MUGS,
    authorised,
    cancel,
    cancelled,
    create,
    created,
    credit,
    credited,
    deliver,
    delivered,
    gbp,
    owed,
    paid,
    pay,
    requested,
    ship,
    shipped,
)


def test_an_order_is_created_at_the_prices_the_customer_was_shown() -> None:
    given(Order).when(create).then(created)


def test_an_order_is_created_once() -> None:
    given(Order, created).when(create).then_refused(InvalidOrderState, "CreateOrder", "CREATED")


def test_a_guest_may_order() -> None:
    guest = replace(create, customer_id=None)
    given(Order).when(guest).then(replace(created, customer_id=None))


def test_an_order_keeps_the_numbers_of_other_systems() -> None:
    ids = (ExternalId("marketplace", "302-1234567"),)
    customer = ExternalId("online-retail", "17850")
    given(Order).when(replace(create, external_ids=ids, customer_external_id=customer)).then(
        replace(created, external_ids=ids, customer_external_id="online-retail:17850")
    )


def test_freight_discount_and_tax_count_in_the_total() -> None:
    lines = (
        *LINES[:1],
        Line("POST", "Postage", 1, gbp("4.00"), "freight"),
        Line("SPRING", "Spring sale", 1, gbp("-2.34"), "discount"),
        Line("VAT", "VAT", 1, gbp("1.00"), "tax"),
    )
    [event] = given(Order).when(replace(create, lines=lines)).events
    assert isinstance(event, OrderCreated)
    assert event.total == gbp("23.00")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (Line("SPRING", "", 1, gbp("2.34"), "discount"), "discount must not be above zero"),
        (Line("POST", "", 1, gbp("-2.34"), "freight"), "price must not be negative"),
        (Line("SPRING", "", 1, gbp("-100.00"), "discount"), "discounts are larger than the order"),
    ],
)
def test_only_a_discount_lowers_the_total_and_never_below_nothing(line: Line, words: str) -> None:
    with pytest.raises(InvalidMessage, match=words):
        CreateOrder(ORDER, "1", None, (*LINES, line))


def test_each_source_has_one_number_for_an_order() -> None:
    with pytest.raises(InvalidMessage, match="each source"):
        replace(create, external_ids=(ExternalId("amazon", "1"), ExternalId("amazon", "2")))


def test_a_paid_order_can_be_shipped() -> None:
    given(Order, created, requested, paid).when(ship).then(shipped)


def test_an_order_whose_total_is_set_aside_on_a_card_can_be_shipped() -> None:
    given(Order, created, requested, authorised).when(ship).then(shipped)


def test_an_unpaid_order_cannot_be_shipped() -> None:
    given(Order, created, requested).when(ship).then_refused(InvalidOrderState, "ShipOrder", "CREATED")
    part = replace(authorised, amount=gbp("22.58"))
    given(Order, created, requested, part).when(ship).then_refused(InvalidOrderState, "ShipOrder", "CREATED")


def test_an_order_is_shipped_once() -> None:
    given(Order, *SOLD).when(ship).then_nothing()
    given(Order, *SOLD, delivered).when(ship).then_nothing()
    given(Order, *SOLD).when(replace(ship, tracking="RM2")).then_refused(InvalidOrderState, "ShipOrder", "SHIPPED")


def test_an_order_that_came_back_before_it_left_has_nothing_to_ship() -> None:
    """An earlier release took goods back before they were shipped."""
    back = ItemsReturned(ORDER, "C1", created.customer_id, (SIX_LANTERNS, TWO_MUGS), "chipped")
    given(Order, created, requested, paid, back).when(ship).then_refused(NothingToShip, "536365")


def test_a_shipped_order_can_be_delivered_once() -> None:
    given(Order, *SOLD).when(deliver).then(delivered)
    given(Order, *SOLD, delivered).when(deliver).then_nothing()


def test_an_order_that_has_not_left_cannot_arrive() -> None:
    given(Order, created, requested, paid).when(deliver).then_refused(InvalidOrderState, "DeliverOrder", "PAID")


def test_an_unpaid_order_is_cancelled_without_a_refund() -> None:
    given(Order, created).when(cancel).then(cancelled())
    given(Order, created, requested).when(cancel).then(cancelled())


def test_a_paid_order_is_cancelled_and_its_refund_is_requested() -> None:
    given(Order, created, requested, paid).when(cancel).then(
        cancelled(SIX_LANTERNS, TWO_MUGS), owed("22.59", reference="536365")
    )


def test_what_is_set_aside_needs_no_refund() -> None:
    given(Order, created, requested, authorised).when(cancel).then(cancelled())


def test_cancelling_twice_is_already_so() -> None:
    given(Order, created, cancelled()).when(cancel).then_nothing()


def test_a_parcel_on_its_way_cannot_be_cancelled() -> None:
    given(Order, *SOLD).when(cancel).then_refused(InvalidOrderState, "CancelOrder", "SHIPPED")


def test_money_that_is_taken_while_an_order_is_cancelled_is_recorded_and_owed_back() -> None:
    given(Order, created, requested, cancelled()).when(pay).then(
        replace(paid, lines=()), owed("22.59", reference="536365")
    )
    order = given(Order, created, requested, cancelled(), replace(paid, lines=()), owed("22.59")).state
    assert isinstance(order, Order)
    assert (order.status, order.payments[0].owed) == ("CANCELLED", DUE)


def test_a_credit_note_stands_for_itself() -> None:
    given(Order).when(credit).then(credited)
    given(Order, credited).when(ship).then_refused(InvalidOrderState, "CREDITED")


def test_an_order_never_becomes_a_credit_note() -> None:
    given(Order, created).when(credit).then_refused(InvalidOrderState, "CreateCreditNote", "CREATED")


def test_a_refusal_is_an_error_of_the_shop_with_its_data() -> None:
    refusal = given(Order, created).when(ship).refusal
    assert isinstance(refusal, CommandRefused)
    assert (refusal.code, refusal.data) == ("invalid-order-state", {"command": "ShipOrder", "status": "CREATED"})


def test_an_order_is_found_by_its_id() -> None:
    assert {Order.id_of(command) for command in (create, pay, ship, cancel, credit)} == {ORDER}
