"""Observed facts: recorded in any state, marked, and followed by the rules that they break; states stay true."""

from __future__ import annotations

from uuid import UUID

import pytest
from msgspec.structs import replace

from eventshop.core.errors import CurrencyMismatch, InvalidMessage
from eventshop.core.messages import Command, Event
from eventshop.core.money import Money
from eventshop.testing.given_when_then import given
from orders.domain.commands import (
    ObservedCommand,
    RecordObservedCancellation,
    RecordObservedDelivery,
    RecordObservedLines,
    RecordObservedPayment,
    RecordObservedRefund,
    RecordObservedReturn,
    RecordObservedShipment,
    ReturnLine,
    ReverseObservedReturn,
)
from orders.domain.errors import FactRecordedDifferently, InvalidOrderState, UnknownLine, UnknownReturn
from orders.domain.events import (
    ItemsReturned,
    LineAmount,
    LinesAdded,
    PaymentProcessed,
    PaymentRefunded,
    ReturnReversed,
    RuleBroken,
)
from orders.domain.order import Order, PaymentStateName, Status
from tests.unit.orders.domain.examples import (
    ADA,
    DUE,
    LINES,
    ORDER,
    SIX_LANTERNS,
    SOLD,
    TOTAL,
    TWO_LANTERNS,
    TWO_MUGS,
    accepted,
    came_back,
    cancel,
    cancelled,
    created,
    credit,
    credit_reversed,
    credited,
    delivered,
    gbp,
    owed,
    paid,
    record_refund,
    refunded,
    request,
    requested,
    return_asked,
    reverse_credit,
    shipped,
)

paid_elsewhere = RecordObservedPayment(ORDER, TOTAL, "invoice")
shipped_elsewhere = RecordObservedShipment(ORDER, "Royal Mail", "RM1")
delivered_elsewhere = RecordObservedDelivery(ORDER, "Ada")
cancelled_elsewhere = RecordObservedCancellation(ORDER, "changed her mind")
returned_elsewhere = RecordObservedReturn(ORDER, "C1", (ReturnLine(1, 2),), "chipped")
refunded_elsewhere = RecordObservedRefund(ORDER, "G1", gbp("1.00"), "goodwill")
added_elsewhere = RecordObservedLines(ORDER, 3, LINES[1:])
undo_return = ReverseObservedReturn(ORDER, "C1", (ReturnLine(1, 2),))
ALL: tuple[ObservedCommand, ...] = (
    paid_elsewhere,
    shipped_elsewhere,
    delivered_elsewhere,
    cancelled_elsewhere,
    returned_elsewhere,
    refunded_elsewhere,
    added_elsewhere,
)
seen_shipped, seen_delivered = replace(shipped, observed=True), replace(delivered, observed=True)
seen_back = ItemsReturned(ORDER, "C1", ADA, (TWO_LANTERNS,), "chipped", observed=True)
seen_refund = PaymentRefunded(ORDER, "C1", ADA, gbp("6.78"), "chipped", observed=True)


def broken(rule: str, detail: str) -> RuleBroken:
    return RuleBroken(ORDER, ADA, rule, detail)


def after(*commands: Command, start: tuple[Event, ...] = (created,)) -> tuple[Order, list[Event]]:
    """The order after these commands, each decided on what the earlier ones led to."""
    history = [*start]
    for command in commands:
        outcome = given(Order, *history).when(command)
        assert outcome.refusal is None, outcome.refusal
        history += outcome.events
    order = given(Order, *history).state
    assert isinstance(order, Order)
    return order, history[len(start) :]


def rules(events: list[Event]) -> list[str]:
    return [event.rule for event in events if isinstance(event, RuleBroken)]


def test_a_payment_made_elsewhere_pays_the_order() -> None:
    order, [event] = after(paid_elsewhere)
    assert isinstance(event, PaymentProcessed)
    assert (event.observed, event.lines, event.charge_id) == (True, (SIX_LANTERNS, TWO_MUGS), None)
    assert (order.status, order.payment_state) == (Status.PAID, PaymentStateName.PAID)


def test_two_part_payments_by_different_methods_pay_the_order() -> None:
    order, events = after(
        RecordObservedPayment(ORDER, gbp("20.00"), "bank_transfer"), RecordObservedPayment(ORDER, gbp("2.59"), "cash")
    )
    assert [bool(event.lines) for event in events if isinstance(event, PaymentProcessed)] == [False, True]
    assert (order.status, [payment.method for payment in order.payments]) == (Status.PAID, ["bank_transfer", "cash"])


def test_an_order_shipped_before_it_was_paid_is_shipped_and_unpaid() -> None:
    given(Order, created).when(shipped_elsewhere).then(
        seen_shipped, broken("shipped-before-paid", "22.59 GBP was outstanding")
    )
    order, _ = after(shipped_elsewhere)
    assert (order.status, order.payment_state) == (Status.SHIPPED, PaymentStateName.UNPAID)
    order, events = after(shipped_elsewhere, paid_elsewhere)
    assert (order.status, order.payment_state, rules(events)) == (
        Status.SHIPPED,
        PaymentStateName.PAID,
        ["shipped-before-paid"],
    )


def test_an_order_cancelled_after_shipping_is_cancelled_and_its_goods_are_still_sold() -> None:
    given(Order, *SOLD).when(cancelled_elsewhere).then(
        replace(cancelled(), observed=True), broken("cancelled-after-shipping", "the order was SHIPPED")
    )
    order, events = after(cancelled_elsewhere, returned_elsewhere, start=SOLD)
    assert (order.status, rules(events)) == (Status.CANCELLED, ["cancelled-after-shipping"])
    assert order.lines_kept[0].quantity == 4


def test_an_order_cancelled_before_shipping_is_not_sold() -> None:
    given(Order, created, requested, paid).when(cancelled_elsewhere).then(
        replace(cancelled(SIX_LANTERNS, TWO_MUGS), observed=True)
    )
    given(Order, created).when(cancelled_elsewhere).then(replace(cancelled(), observed=True))
    given(Order, created, cancelled()).when(cancelled_elsewhere).then_nothing()


def test_a_delivery_without_a_shipment_is_delivered() -> None:
    given(Order, created, requested, paid).when(delivered_elsewhere).then(
        seen_delivered, broken("delivered-without-shipping", "no shipment of the order is known")
    )
    given(Order, *SOLD).when(delivered_elsewhere).then(seen_delivered)
    given(Order, *SOLD, delivered).when(delivered_elsewhere).then_nothing()


def test_a_parcel_never_leads_a_state_back() -> None:
    order, _ = after(shipped_elsewhere, start=(*SOLD, delivered))
    assert order.status is Status.DELIVERED
    order, events = after(shipped_elsewhere, delivered_elsewhere, start=(created, cancelled()))
    assert (order.status, rules(events)) == (Status.CANCELLED, ["shipped-after-cancelling"])


def test_an_overpaid_order_says_so() -> None:
    order, events = after(paid_elsewhere, RecordObservedPayment(ORDER, gbp("0.01"), "cash"))
    assert (order.payment_state, rules(events)) == (PaymentStateName.OVERPAID, ["overpaid"])
    assert events[-1] == broken("overpaid", "22.600 GBP paid of 22.59 GBP")
    order, events = after(RecordObservedRefund(ORDER, "X", gbp("0.01"), "too much"), start=(created, *events))
    assert (order.payment_state, rules(events)) == (PaymentStateName.PAID, [])


def test_a_return_is_received_and_refunded_in_one() -> None:
    given(Order, *SOLD).when(returned_elsewhere).then(seen_back, seen_refund)
    given(Order, *SOLD).when(replace(returned_elsewhere, refunded=False)).then(seen_back)
    order, _ = after(returned_elsewhere, start=SOLD)
    assert (order.payments[0].refunded, order.payment_state) == (gbp("6.78"), PaymentStateName.PAID)


def test_more_than_was_kept_comes_back() -> None:
    order, events = after(
        replace(returned_elsewhere, lines=(ReturnLine(2, 3),)), start=(created, replace(paid, observed=True))
    )
    assert events[-1] == broken("returned-more-than-kept", "line 2: 3 came back of 2")
    assert [line.line for line in order.lines_kept] == [1]


def test_more_is_refunded_than_was_paid() -> None:
    given(Order, created).when(refunded_elsewhere).then(
        PaymentRefunded(ORDER, "G1", ADA, gbp("1.00"), "goodwill", observed=True),
        broken("refund-exceeds-payments", "1.00 GBP refunded of 0 GBP"),
    )
    order, _ = after(refunded_elsewhere, start=SOLD)
    assert (order.payments[0].refunded, order.payments[0].refundable) == (gbp("1.00"), DUE.amount - 1)


def test_a_refund_that_was_requested_of_a_payment_elsewhere_is_settled_elsewhere() -> None:
    _, events = after(paid_elsewhere, cancel)
    order, _ = after(RecordObservedRefund(ORDER, "B1", DUE, "bank transfer"), start=(created, *events))
    payment = order.payments[0]
    assert (payment.owed, payment.refunded) == (DUE, DUE)


def test_the_same_fact_twice_is_recorded_once() -> None:
    with_reference = replace(paid_elsewhere, reference="P1")
    for command in (with_reference, *ALL[1:3], *ALL[4:]):
        _, events = after(command)
        given(Order, created, *events).when(command).then_nothing()
    _, events = after(with_reference)
    given(Order, created, *events).when(replace(with_reference, amount=gbp("1.00"))).then_refused(
        FactRecordedDifferently, "P1"
    )


def test_two_payments_without_a_reference_are_two_payments() -> None:
    half = RecordObservedPayment(ORDER, gbp("11.295"), "cash")
    order, _ = after(half, half)
    assert (order.status, len(order.payments)) == (Status.PAID, 2)


@pytest.mark.parametrize("command", ALL, ids=lambda command: type(command).__name__)
def test_facts_are_of_an_order_that_exists(command: Command) -> None:
    given(Order).when(command).then_refused(InvalidOrderState, "PENDING")
    given(Order, credited).when(command).then_refused(InvalidOrderState, "CREDITED")


@pytest.mark.parametrize(
    "history",
    [
        (created,),
        (created, requested),
        (created, requested, paid),
        SOLD,
        (*SOLD, delivered),
        (created, cancelled()),
        (created, seen_shipped),
    ],
    ids=["created", "requested", "paid", "shipped", "delivered", "cancelled", "shipped-elsewhere"],
)
@pytest.mark.parametrize("command", ALL, ids=lambda command: type(command).__name__)
def test_a_fact_is_accepted_in_every_state_after_the_creation(command: Command, history: tuple[Event, ...]) -> None:
    outcome = given(Order, *history).when(command)
    assert outcome.refusal is None
    assert all(getattr(event, "observed", True) for event in outcome.events)


def test_what_cannot_be_said_of_the_order_is_refused() -> None:
    given(Order, created).when(replace(returned_elsewhere, lines=(ReturnLine(3, 1),))).then_refused(UnknownLine)
    euros = RecordObservedPayment(ORDER, Money(DUE.amount, "EUR"), "cash")
    given(Order, created).when(euros).then_refused(CurrencyMismatch)
    with pytest.raises(InvalidMessage, match="must not be negative"):
        RecordObservedPayment(ORDER, gbp("-1"), "cash")


def test_the_shop_asks_for_no_payment_of_an_order_that_goes_on_elsewhere() -> None:
    _, events = after(RecordObservedPayment(ORDER, gbp("1.00"), "cash"))
    given(Order, created, *events).when(request).then_refused(InvalidOrderState, "recorded from elsewhere")


def test_an_observed_payment_has_an_id_of_its_own() -> None:
    order, _ = after(paid_elsewhere, RecordObservedPayment(ORDER, gbp("1.00"), "cash", "P1"))
    ids = {payment.payment_id for payment in order.payments}
    assert len(ids) == 2 and all(isinstance(payment_id, UUID) for payment_id in ids)


def test_a_requested_refund_that_was_paid_elsewhere_is_done() -> None:
    history = (created, requested, paid, shipped, return_asked(TWO_MUGS), accepted, came_back(TWO_MUGS), owed("2.25"))
    by_hand = RecordObservedRefund(ORDER, "R1", gbp("2.25"), "by bank transfer")
    fact = replace(refunded("2.25"), reason="by bank transfer", refunded_at=None, observed=True)
    given(Order, *history).when(by_hand).then(fact)
    order = Order().evolve_all([*history, fact])
    assert all(refund.is_done for refund in order.refunds)
    assert order.payments[0].owed == order.payments[0].refunded == gbp("2.25")
    assert order.decide(record_refund("2.25")) == []


def test_a_refund_seen_before_the_requested_one_never_makes_it_more_than_the_payment_took() -> None:
    order = given(Order, created).state.evolve_all(
        [
            replace(paid, charge_id=None, observed=True),
            owed("22.59", reference="536365"),
            PaymentRefunded(ORDER, "G1", ADA, gbp("1.00"), "goodwill", observed=True),
            replace(refunded("22.59", reference="536365"), observed=True),
        ]
    )
    assert isinstance(order, Order)
    payment = order.payments[0]
    assert (payment.refunded, payment.owed, order.refunded) == (DUE, DUE, gbp("23.59").amount)


def test_a_requested_refund_adds_to_what_was_given_back_elsewhere_before() -> None:
    given_back = PaymentRefunded(ORDER, "G1", ADA, gbp("1.00"), "goodwill", observed=True)
    order = given(Order, created, given_back, requested, paid, owed("22.59", reference="536365")).state
    assert isinstance(order, Order)
    assert order.balance.paid == gbp("-1.00").amount


def test_lines_that_become_known_later_count_as_the_others_do() -> None:
    mugs = LineAmount(line=3, sku="21212", quantity=2, amount=gbp("2.250"))
    added = LinesAdded(ORDER, "536365", ADA, 3, LINES[1:], gbp("2.250"), ())
    given(Order, created).when(added_elsewhere).then(added)
    given(Order, *SOLD).when(added_elsewhere).then(replace(added, sold=(mugs,)))
    order, _ = after(added_elsewhere, RecordObservedPayment(ORDER, gbp("2.25"), "invoice"), start=SOLD)
    assert (order.total, len(order.lines), order.payment_state) == (gbp("24.840"), 3, PaymentStateName.PAID)
    order, events = after(added_elsewhere, paid_elsewhere)
    assert (order.status, order.payment_state) == (Status.CREATED, PaymentStateName.PARTLY_PAID)
    _, events = after(added_elsewhere, start=(*SOLD, cancelled()))
    assert events == [added, broken("lines-added-after-cancelling", "2.250 GBP was added to a cancelled order")]


def test_lines_are_added_at_the_end_and_once() -> None:
    given(Order, created).when(replace(added_elsewhere, first_line=2)).then_nothing()  # the order has them
    given(Order, created).when(replace(added_elsewhere, first_line=1)).then_refused(FactRecordedDifferently)
    given(Order, created).when(replace(added_elsewhere, first_line=4)).then_refused(UnknownLine)


def test_a_return_that_was_recorded_wrongly_is_as_if_it_had_not_been() -> None:
    before, _ = after(paid_elsewhere)
    order, events = after(paid_elsewhere, returned_elsewhere, undo_return)
    assert events[-1] == ReturnReversed(ORDER, "C1", ADA, (TWO_LANTERNS,), gbp("6.78"))
    assert order == before
    order, events = after(paid_elsewhere, replace(returned_elsewhere, refunded=False), undo_return)
    assert (events[-1].refunded.amount, order) == (0, before)  # type: ignore[attr-defined]
    order, _ = after(paid_elsewhere, returned_elsewhere, undo_return, returned_elsewhere)
    assert order.refunded == gbp("6.78").amount


def test_only_an_observed_return_is_reversed_and_as_it_was_recorded() -> None:
    given(Order, *SOLD, seen_back, seen_refund).when(replace(undo_return, reference="C2")).then_refused(UnknownReturn)
    less = replace(undo_return, lines=(ReturnLine(1, 1),))
    given(Order, *SOLD, seen_back, seen_refund).when(less).then_refused(UnknownReturn)
    given(Order, *SOLD, replace(seen_back, observed=False)).when(undo_return).then_refused(UnknownReturn)


def test_a_credit_note_that_was_void_is_issued_anew() -> None:
    given(Order, credited).when(reverse_credit).then(credit_reversed)
    order, _ = after(reverse_credit, credit, start=(credited,))
    assert order == given(Order, credited).state
