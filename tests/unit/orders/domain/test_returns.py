"""Returns: asked for, accepted or declined, received, refunded; never a claim recorded as receipt."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from eventshop.core.errors import InvalidMessage
from eventshop.testing.given_when_then import given
from orders.domain.commands import ReceivedLine, ReceiveReturn, RequestReturn, ReturnLine
from orders.domain.errors import (
    InvalidOrderState,
    NothingToReturn,
    ReturnReferenceTaken,
    TooLateToReturn,
    TooManyReturned,
    UnknownLine,
    UnknownReturn,
)
from orders.domain.events import Line, LineAmount, PaymentRefunded, RefundRequested
from orders.domain.order import Order, PaymentStateName
from tests.unit.orders.domain.examples import (
    DUE,
    LINES,
    ONE_MUG,
    ORDER,
    SIX_LANTERNS,
    SOLD,
    TWO_LANTERNS,
    TWO_MUGS,
    accept,
    accepted,
    ask_return,
    authorised,
    came_back,
    close_window,
    created,
    decline_return,
    delivered,
    gbp,
    owed,
    paid,
    pay,
    receive,
    requested,
    return_asked,
    return_declined,
    shipped,
    window_closed,
)

ASKED = (*SOLD, return_asked(TWO_LANTERNS))
ACCEPTED = (*ASKED, accepted)
FOUR_LANTERNS = LineAmount(1, "71053", 4, gbp("13.56"))
ONE_LANTERN = LineAmount(1, "71053", 1, gbp("3.39"))


def test_a_return_of_a_shipped_order_is_asked_for_and_nothing_comes_back() -> None:
    given(Order, *SOLD).when(ask_return((1, 2))).then(return_asked(TWO_LANTERNS))
    given(Order, *SOLD, delivered).when(ask_return((1, 2))).then(return_asked(TWO_LANTERNS))
    order = given(Order, *ASKED).state
    assert isinstance(order, Order)
    assert order.lines_kept == (SIX_LANTERNS, TWO_MUGS)
    assert order.payments[0].owed == gbp("0")


def test_only_goods_that_were_shipped_can_come_back() -> None:
    for history in ((created,), (created, requested, paid)):
        given(Order, *history).when(ask_return((1, 1))).then_refused(InvalidOrderState)


def test_no_more_is_asked_to_return_than_the_customer_has() -> None:
    given(Order, *SOLD).when(ask_return((1, 7))).then_refused(TooManyReturned, "requested 7", "left 6")
    given(Order, *ASKED).when(ask_return((1, 5), reference="R2")).then_refused(TooManyReturned, "left 4")
    given(Order, *ASKED, return_declined).when(ask_return((1, 6), reference="R2")).then(
        return_asked(SIX_LANTERNS, reference="R2")
    )
    received = (*ACCEPTED, came_back(TWO_LANTERNS), owed("6.78"))
    given(Order, *received).when(ask_return((1, 5), reference="R2")).then_refused(TooManyReturned, "left 4")
    everything = (*SOLD, came_back(SIX_LANTERNS, TWO_MUGS))
    given(Order, *everything).when(ask_return((1, 1), reference="R2")).then_refused(NothingToReturn)


def test_only_products_of_the_order_come_back() -> None:
    given(Order, *SOLD).when(ask_return((3, 1))).then_refused(UnknownLine, "line 3")
    freight = replace(created, lines=(*LINES, Line("POST", "", 1, gbp("4.00"), "freight")))
    given(Order, freight, requested, paid, shipped).when(ask_return((3, 1))).then_refused(UnknownLine, "freight")


def test_twice_the_same_request_is_already_so_and_another_needs_a_number_of_its_own() -> None:
    given(Order, *ASKED).when(ask_return((1, 2))).then_nothing()
    given(Order, *ACCEPTED).when(ask_return((1, 2))).then_nothing()
    given(Order, *ASKED).when(ask_return((1, 1))).then_refused(ReturnReferenceTaken, "R1")
    given(Order, *ASKED, return_declined).when(ask_return((1, 2))).then_refused(ReturnReferenceTaken)


def test_staff_may_ask_for_the_customer() -> None:
    by_staff = replace(ask_return((1, 2)), requested_by="staff")
    given(Order, *SOLD).when(by_staff).then(replace(return_asked(TWO_LANTERNS), requested_by="staff"))


def test_after_the_return_window_nothing_can_be_asked_for() -> None:
    given(Order, *SOLD, delivered).when(close_window).then(window_closed)
    given(Order, *SOLD, delivered, window_closed).when(close_window).then_nothing()
    refusal = given(Order, *SOLD, delivered, window_closed).when(ask_return((1, 1)))
    refusal.then_refused(TooLateToReturn, "536365")
    assert TooLateToReturn.code == "return-window-closed"
    late = (*SOLD, delivered, return_asked(TWO_LANTERNS), window_closed)
    given(Order, *late).when(accept).then(accepted)


def test_the_shop_accepts_or_declines_a_return() -> None:
    given(Order, *ASKED).when(accept).then(accepted)
    given(Order, *ACCEPTED).when(accept).then_nothing()
    given(Order, *ASKED).when(decline_return).then(return_declined)
    given(Order, *ASKED, return_declined).when(decline_return).then_nothing()
    given(Order, *ASKED, return_declined).when(accept).then_refused(UnknownReturn, "declined")
    given(Order, *ACCEPTED).when(decline_return).then_refused(UnknownReturn, "accepted")
    given(Order, *SOLD).when(accept).then_refused(UnknownReturn, "unknown")


def test_what_was_not_accepted_is_not_received() -> None:
    given(Order, *ASKED).when(receive((1, 2))).then_refused(UnknownReturn, "requested")
    given(Order, *SOLD).when(receive((1, 2))).then_refused(UnknownReturn)
    given(Order, *ASKED, return_declined).when(receive((1, 2))).then_refused(UnknownReturn)


def test_goods_that_come_back_are_recorded_with_their_condition_and_owed() -> None:
    given(Order, *ACCEPTED).when(receive((1, 2))).then(came_back(TWO_LANTERNS), owed("6.78"))
    given(Order, *ACCEPTED).when(receive((1, 1), (1, 1, "damaged"))).then(
        came_back(TWO_LANTERNS, damaged=(ONE_LANTERN,)), owed("6.78")
    )


def test_a_capture_that_is_recorded_after_goods_came_back_gives_their_price_back() -> None:
    """Input: authorised, shipped, two lanterns returned, then the capture. Right: taken, and the lanterns refunded."""
    sent = (created, requested, authorised, shipped, return_asked(TWO_LANTERNS), accepted)
    given(Order, *sent).when(receive((1, 2))).then(came_back(TWO_LANTERNS))
    given(Order, *sent, came_back(TWO_LANTERNS)).when(pay).then(paid, owed("6.78"))
    settled = given(Order, *sent, came_back(TWO_LANTERNS), paid, owed("6.78")).state
    assert isinstance(settled, Order)
    assert settled.payment_state is PaymentStateName.PAID


def test_a_return_may_come_in_parts_and_never_more_than_was_asked_for() -> None:
    given(Order, *ACCEPTED).when(receive((1, 1))).then(came_back(ONE_LANTERN), owed("3.39"))
    half = (*ACCEPTED, came_back(ONE_LANTERN), owed("3.39"))
    given(Order, *half).when(receive((1, 1))).then(came_back(ONE_LANTERN), owed("3.39", number=2))
    given(Order, *half).when(receive((1, 2))).then_refused(TooManyReturned, "received 2", "left 1")
    given(Order, *ACCEPTED).when(receive((2, 1))).then_refused(TooManyReturned, "line 2")


def test_two_returns_of_half_a_penny_each_are_rounded_together() -> None:
    history = (*SOLD, return_asked(TWO_MUGS), accepted)
    given(Order, *history).when(receive((2, 1))).then(came_back(ONE_MUG), owed("1.13"))
    once = (*history, came_back(ONE_MUG), owed("1.13"))
    given(Order, *once).when(receive((2, 1))).then(came_back(ONE_MUG), owed("1.12", number=2))


def test_what_cost_nothing_comes_back_without_a_refund() -> None:
    free = (replace(LINES[0], price=gbp("0")), LINES[1])
    gift = replace(created, lines=free, total=gbp("2.25"))
    one_gift = LineAmount(line=1, sku="71053", quantity=1, amount=gbp("0"))
    asked = return_asked(one_gift)
    paid_little = replace(paid, amount=gbp("2.25"))
    given(Order, gift, paid_little, shipped, asked, accepted).when(receive((1, 1))).then(came_back(one_gift))


def test_no_more_is_refunded_than_was_paid() -> None:
    """A discount of 20.00 GBP: the goods are worth more than was paid."""
    lines = (*LINES, Line("SALE", "", 1, gbp("-20.00"), "discount"))
    discounted = replace(created, lines=lines, total=gbp("2.59"))
    history = (discounted, replace(requested, amount=gbp("2.59")), replace(paid, amount=gbp("2.59")), shipped)
    events = given(Order, *history, return_asked(SIX_LANTERNS), accepted).when(receive((1, 6))).events
    assert [event.amount for event in events if isinstance(event, RefundRequested)] == [gbp("2.59")]


def test_an_order_of_which_everything_came_back_owes_nothing() -> None:
    history = (*SOLD, return_asked(SIX_LANTERNS, TWO_MUGS), accepted, came_back(SIX_LANTERNS, TWO_MUGS))
    order = given(Order, *history, owed("22.59")).state
    assert isinstance(order, Order)
    assert order.payment_state is PaymentStateName.PAID
    assert order.payments[0].refundable == 0


def test_refunds_of_an_earlier_release_count() -> None:
    """It recorded a refund of 1.125 for one mug, without asking the gateway first."""
    old_refund = PaymentRefunded(ORDER, "C1", created.customer_id, gbp("1.125"), "chipped")
    back = replace(came_back(ONE_MUG, reference="C1"), reason="chipped")
    history = (*SOLD, back, old_refund, return_asked(ONE_MUG), accepted)
    given(Order, *history).when(receive((2, 1))).then(came_back(ONE_MUG), owed("1.12"))


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ((), "at least one line"),
        ((ReturnLine(1, 1), ReturnLine(1, 2)), "must name each line only once"),
        ((ReturnLine(1, 0),), r"line 1: quantity .*\b0$"),
    ],
)
def test_a_return_that_makes_no_sense(lines: tuple[ReturnLine, ...], words: str) -> None:
    with pytest.raises(InvalidMessage, match=words):
        RequestReturn(ORDER, "R1", lines, "chipped")


def test_a_receipt_names_each_condition_of_a_line_once() -> None:
    with pytest.raises(InvalidMessage, match="only once"):
        ReceiveReturn(ORDER, "R1", (ReceivedLine(1, 1), ReceivedLine(1, 2)))
    assert ReceiveReturn(ORDER, "R1", (ReceivedLine(1, 1), ReceivedLine(1, 2, "damaged")))
    assert DUE
