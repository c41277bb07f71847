"""The rules of the aggregate `Order`."""

from __future__ import annotations

from decimal import Decimal

from msgspec.structs import replace

from eventshop.core.errors import CommandRefused
from eventshop.core.money import Money
from eventshop.testing.given_when_then import given
from orders.domain.errors import (
    InvalidOrderState,
    NothingToReturn,
    NothingToShip,
    TooManyReturned,
    UnknownLine,
    WrongAmount,
)
from orders.domain.events import LineAmount
from orders.domain.order import Order
from tests.unit.orders.domain.examples import (
    LINES,
    ORDER,
    SIX_LANTERNS,
    TWO_MUGS,
    came_back,
    cancel,
    cancelled,
    create,
    created,
    credit,
    credited,
    decline,
    declined,
    deliver,
    delivered,
    gbp,
    paid,
    pay,
    refunded,
    request,
    requested,
    ship,
    shipped,
    take_back,
)

TWO_LANTERNS = LineAmount(line=1, sku="71053", quantity=2, amount=gbp("6.78"))
FOUR_LANTERNS = LineAmount(line=1, sku="71053", quantity=4, amount=gbp("13.56"))


def test_an_order_is_created_at_the_prices_the_customer_was_shown() -> None:
    given(Order).when(create).then(created)


def test_an_order_is_created_once() -> None:
    given(Order, created).when(create).then_refused(InvalidOrderState, "CreateOrder", "CREATED")


def test_a_guest_may_order() -> None:
    guest = replace(create, customer_id=None)
    given(Order).when(guest).then(replace(created, customer_id=None))


def test_payment_is_requested_for_what_is_due() -> None:
    given(Order, created).when(request).then(requested)


def test_a_declined_payment_leaves_the_order_waiting_for_another() -> None:
    given(Order, created).when(decline).then(declined)
    given(Order, created, declined).when(pay).then(paid)


def test_a_payment_is_the_whole_total() -> None:
    given(Order, created).when(pay).then(paid)
    given(Order, created).when(replace(pay, amount=gbp("22.58"))).then_refused(WrongAmount, "22.58 GBP", "22.590 GBP")
    given(Order, created).when(replace(pay, amount=gbp("22.60"))).then_refused(WrongAmount)


def test_a_payment_in_another_currency_is_a_wrong_amount() -> None:
    euros = replace(pay, amount=Money(Decimal("22.59"), "EUR"))
    given(Order, created).when(euros).then_refused(WrongAmount, "22.59 EUR")


def test_trailing_zeros_do_not_make_another_amount() -> None:
    given(Order, created).when(replace(pay, amount=gbp("22.59"))).then(replace(paid, amount=gbp("22.59")))


def test_an_order_is_paid_once() -> None:
    given(Order, created, paid).when(pay).then_refused(InvalidOrderState, "ProcessPayment", "PAID")


def test_an_order_for_nothing_is_paid_with_nothing() -> None:
    free = (replace(LINES[0], price=gbp("0.00")),)
    gift = replace(created, lines=free, total=gbp("0.00"))
    given(Order).when(replace(create, lines=free)).then(gift)
    nothing = LineAmount(line=1, sku="71053", quantity=6, amount=gbp("0.00"))
    paid_nothing = replace(paid, amount=gbp("0"), lines=(nothing,))
    given(Order, gift).when(replace(pay, amount=gbp("0"))).then(paid_nothing)


def test_a_paid_order_can_be_shipped() -> None:
    given(Order, created, paid).when(ship).then(shipped)


def test_an_unpaid_order_cannot_be_shipped() -> None:
    given(Order, created).when(ship).then_refused(InvalidOrderState, "ShipOrder", "CREATED")


def test_an_order_is_shipped_once() -> None:
    given(Order, created, paid, shipped).when(ship).then_refused(InvalidOrderState, "ShipOrder", "SHIPPED")


def test_a_shipped_order_can_be_delivered_once() -> None:
    given(Order, created, paid, shipped).when(deliver).then(delivered)
    given(Order, created, paid, shipped, delivered).when(deliver).then_refused(InvalidOrderState, "DELIVERED")


def test_an_order_that_has_not_left_cannot_arrive() -> None:
    given(Order, created, paid).when(deliver).then_refused(InvalidOrderState, "DeliverOrder", "PAID")


def test_an_unpaid_order_is_cancelled_without_a_refund() -> None:
    given(Order, created).when(cancel).then(cancelled())


def test_a_paid_order_is_cancelled_and_refunded() -> None:
    given(Order, created, paid).when(cancel).then(
        cancelled(SIX_LANTERNS, TWO_MUGS), refunded("22.590", reference="536365", reason="changed her mind")
    )


def test_cancelling_refunds_only_what_is_not_refunded_yet() -> None:
    given(Order, created, paid, came_back(TWO_LANTERNS), refunded("6.78")).when(cancel).then(
        cancelled(FOUR_LANTERNS, TWO_MUGS), refunded("15.810", reference="536365", reason="changed her mind")
    )


def test_cancelling_after_everything_came_back_refunds_nothing_more() -> None:
    given(Order, created, paid, came_back(SIX_LANTERNS, TWO_MUGS), refunded("22.59")).when(cancel).then(cancelled())


def test_cancelling_twice_is_already_so() -> None:
    given(Order, created, cancelled()).when(cancel).then_nothing()


def test_a_parcel_on_its_way_cannot_be_cancelled() -> None:
    given(Order, created, paid, shipped).when(cancel).then_refused(InvalidOrderState, "CancelOrder", "SHIPPED")


def test_some_pieces_come_back_and_are_refunded() -> None:
    given(Order, created, paid, shipped, delivered).when(take_back((1, 2))).then(
        came_back(TWO_LANTERNS), refunded("6.78")
    )


def test_pieces_come_back_in_several_returns_until_none_is_left() -> None:
    rest = take_back((1, 4), (2, 2), reference="C2")
    given(Order, created, paid, came_back(TWO_LANTERNS), refunded("6.78")).when(rest).then(
        came_back(FOUR_LANTERNS, TWO_MUGS, reference="C2"), refunded("15.810", reference="C2")
    )
    history = (created, paid, came_back(TWO_LANTERNS), came_back(TWO_LANTERNS))
    given(Order, *history).when(take_back((1, 3))).then_refused(TooManyReturned, "requested 3", "left 2")
    everything = came_back(SIX_LANTERNS, TWO_MUGS)
    given(Order, created, paid, everything).when(take_back((1, 1))).then_refused(NothingToReturn, "536365")


def test_no_more_pieces_come_back_than_were_sold() -> None:
    given(Order, created, paid).when(take_back((1, 7))).then_refused(TooManyReturned, "line 1", "requested 7", "left 6")
    given(Order, created, paid, came_back(TWO_LANTERNS)).when(take_back((2, 2), (1, 5))).then_refused(
        TooManyReturned, "71053", "requested 5", "left 4"
    )


def test_only_lines_of_the_order_come_back() -> None:
    given(Order, created, paid).when(take_back((3, 1))).then_refused(UnknownLine, "line 3", "lines 2")


def test_what_cost_nothing_comes_back_without_a_refund() -> None:
    free = (replace(LINES[0], price=gbp("0")), LINES[1])
    gift = replace(created, lines=free, total=gbp("2.25"))
    one_gift = LineAmount(line=1, sku="71053", quantity=1, amount=gbp("0"))
    given(Order, gift, paid).when(take_back((1, 1))).then(came_back(one_gift))


def test_an_unpaid_order_takes_nothing_back() -> None:
    given(Order, created).when(take_back((1, 1))).then_refused(InvalidOrderState, "ReturnItems", "CREATED")


def test_an_order_that_came_back_before_it_left_has_nothing_to_ship() -> None:
    given(Order, created, paid, came_back(SIX_LANTERNS, TWO_MUGS)).when(ship).then_refused(NothingToShip, "536365")
    given(Order, created, paid, came_back(SIX_LANTERNS)).when(ship).then(shipped)


def test_a_credit_note_stands_for_itself() -> None:
    given(Order).when(credit).then(credited)
    given(Order, credited).when(take_back((1, 1))).then_refused(InvalidOrderState, "CREDITED")


def test_an_order_never_becomes_a_credit_note() -> None:
    given(Order, created).when(credit).then_refused(InvalidOrderState, "CreateCreditNote", "CREATED")


def test_a_refusal_is_an_error_of_the_shop_with_its_data() -> None:
    refusal = given(Order, created).when(ship).refusal
    assert isinstance(refusal, CommandRefused)
    assert (refusal.code, refusal.data) == ("invalid-order-state", {"command": "ShipOrder", "status": "CREATED"})


def test_an_order_is_found_by_its_id() -> None:
    assert {Order.id_of(command) for command in (create, pay, ship, cancel, credit, take_back((1, 1)))} == {ORDER}
