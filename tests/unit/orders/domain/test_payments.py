"""Payments: asked for, authorised, taken, declined, in parts and by several methods, rounded, given back."""

from __future__ import annotations

from decimal import Decimal

import pytest
from msgspec.structs import replace

from eventshop.core.errors import CurrencyMismatch, InvalidMessage, UnpayableAmount
from eventshop.core.message_registry import registry
from eventshop.core.money import Money
from eventshop.core.serialization import decode_command
from eventshop.testing.given_when_then import given
from orders.domain.commands import CreateOrder, ProcessPayment, RequestPayment
from orders.domain.errors import (
    InvalidOrderState,
    PaymentInProgress,
    PaymentNotRequested,
    TooManyPayments,
    UnknownRefund,
    WrongAmount,
)
from orders.domain.events import Line, LineAmount, OrderCreated, PaymentProcessed, PaymentRequested, RefundRequested
from orders.domain.order import Order, PaymentStateName, Status
from orders.domain.payment_decisions import MAX_PAYMENTS
from orders.domain.payments import payment_id_of
from tests.unit.orders.domain.examples import (
    ADA,
    CHARGE,
    DUE,
    LINES,
    ORDER,
    PAYMENT,
    SECOND_CHARGE,
    SECOND_PAYMENT,
    SIX_LANTERNS,
    SOLD,
    THEN,
    TWO_MUGS,
    authorise,
    authorised,
    cancel,
    cancelled,
    create,
    created,
    decline,
    declined,
    gbp,
    owed,
    paid,
    pay,
    record_refund,
    refund_id,
    refunded,
    request,
    requested,
    shipped,
    void,
    voided,
)

VOUCHER = replace(request, method="voucher", amount=gbp("5.00"))
voucher_requested = PaymentRequested(ORDER, ADA, gbp("5.00"), "voucher", PAYMENT)
pay_voucher = ProcessPayment(ORDER, gbp("5.00"), "voucher", PAYMENT, CHARGE, THEN)
voucher_paid = PaymentProcessed(ORDER, "536365", ADA, gbp("5.00"), "voucher", (), PAYMENT, CHARGE, THEN)
rest_requested = PaymentRequested(ORDER, ADA, gbp("17.59"), "card", SECOND_PAYMENT)
pay_rest = ProcessPayment(ORDER, gbp("17.59"), "card", SECOND_PAYMENT, SECOND_CHARGE, THEN)
rest_paid = PaymentProcessed(
    ORDER, "536365", ADA, gbp("17.59"), "card", (SIX_LANTERNS, TWO_MUGS), SECOND_PAYMENT, SECOND_CHARGE, THEN
)
IN_PARTS = (created, voucher_requested, voucher_paid, rest_requested, rest_paid)


def state(*history: object) -> Order:
    order = given(Order, *history).state  # type: ignore[arg-type]
    assert isinstance(order, Order)
    return order


# --- asked for ----------------------------------------------------------------------------------------------------


def test_a_payment_is_asked_for_by_the_customer() -> None:
    given(Order, created).when(request).then(requested)
    given(Order, created).when(replace(request, token="tok_1")).then(replace(requested, token="tok_1"))


def test_without_an_amount_all_that_is_outstanding_is_asked_for() -> None:
    given(Order, created, voucher_requested, voucher_paid).when(request).then(rest_requested)


def test_a_part_of_the_total_may_be_asked_for_and_never_more_than_it() -> None:
    given(Order, created).when(VOUCHER).then(voucher_requested)
    for wrong in ("0", "-1.00", "22.60"):
        given(Order, created).when(replace(VOUCHER, amount=gbp(wrong))).then_refused(WrongAmount, "22.59 GBP")


def test_an_amount_that_cannot_be_paid_is_refused() -> None:
    given(Order, created).when(replace(VOUCHER, amount=gbp("5.005"))).then_refused(UnpayableAmount, "5.005 GBP")
    euros = replace(VOUCHER, amount=Money(Decimal(5), "EUR"))
    given(Order, created).when(euros).then_refused(CurrencyMismatch, "GBP")


def test_one_payment_at_a_time_is_under_way() -> None:
    given(Order, created, requested).when(request).then_refused(PaymentInProgress, "card", "22.59 GBP")
    assert PaymentInProgress.code == "payment-in-progress"


def test_a_covered_order_asks_for_nothing_more() -> None:
    given(Order, created, requested, authorised).when(request).then_refused(WrongAmount)
    given(Order, created, requested, paid).when(request).then_refused(InvalidOrderState, "PAID")
    given(Order, created, cancelled()).when(request).then_refused(InvalidOrderState, "CANCELLED")


@pytest.mark.parametrize("method", ["", "Card", "a b", "ada@example.org", "x" * 41, "-card"])
def test_a_method_is_a_word_and_no_free_text(method: str) -> None:
    with pytest.raises(InvalidMessage, match="method"):
        decode_command(RequestPayment, {"order_id": str(ORDER), "method": method})


def test_a_token_is_one_of_the_hosted_card_page() -> None:
    with pytest.raises(InvalidMessage, match="token"):
        decode_command(RequestPayment, {"order_id": str(ORDER), "method": "card", "token": "4111 1111 1111 1111"})
    assert registry.command_class("RequestPayment") is RequestPayment


def test_an_order_takes_a_limited_number_of_tries() -> None:
    tries = [
        event
        for number in range(1, MAX_PAYMENTS + 1)
        for event in (
            replace(requested, payment_id=payment_id_of(ORDER, number)),
            replace(declined, payment_id=payment_id_of(ORDER, number)),
        )
    ]
    given(Order, created, *tries[:-2]).when(request).then(tries[-2])
    given(Order, created, *tries).when(request).then_refused(TooManyPayments, "50")


def test_an_order_of_less_than_the_smallest_coin_is_paid_with_nothing() -> None:
    lines = (Line("A", "", 1, gbp("0.004")),)
    order = given(Order, *given(Order).when(CreateOrder(ORDER, "1", None, lines)).events)
    [event] = order.when(replace(request, method="nothing_to_pay")).events
    assert isinstance(event, PaymentRequested)
    assert event.amount == gbp("0.00")


# --- taken --------------------------------------------------------------------------------------------------------


def test_a_payment_that_was_asked_for_is_recorded_as_the_gateway_answered() -> None:
    given(Order, created, requested).when(pay).then(paid)


def test_nothing_is_recorded_that_was_not_asked_for() -> None:
    given(Order, created).when(pay).then_refused(PaymentNotRequested)
    given(Order, created, requested).when(replace(pay, method="voucher")).then_refused(PaymentNotRequested, "voucher")
    given(Order, created, requested).when(replace(pay, payment_id=SECOND_PAYMENT)).then_refused(PaymentNotRequested)
    given(Order, created, requested, declined).when(pay).then_refused(PaymentNotRequested)


def test_the_same_payment_twice_is_already_so() -> None:
    given(Order, created, requested, paid).when(pay).then_nothing()
    another = replace(pay, charge_id=SECOND_CHARGE)
    given(Order, created, requested, paid).when(another).then_refused(PaymentNotRequested)


def test_never_more_is_taken_than_was_asked_for() -> None:
    for wrong in ("22.60", "0", "-1"):
        given(Order, created, requested).when(replace(pay, amount=gbp(wrong))).then_refused(WrongAmount)
    given(Order, created, voucher_requested).when(replace(pay_voucher, amount=gbp("5.01"))).then_refused(WrongAmount)


def test_a_payment_of_less_than_was_asked_for_is_a_part_payment() -> None:
    less = replace(pay, amount=gbp("10.00"))
    given(Order, created, requested).when(less).then(replace(paid, amount=gbp("10.00"), lines=()))
    order = state(created, requested, replace(paid, amount=gbp("10.00"), lines=()))
    assert (order.status, order.payment_state) == (Status.CREATED, PaymentStateName.PARTLY_PAID)
    assert order.balance.outstanding == gbp("12.59")


def test_two_payments_of_different_methods_add_up() -> None:
    given(Order, created, voucher_requested).when(pay_voucher).then(voucher_paid)
    given(Order, *IN_PARTS[:-1]).when(pay_rest).then(rest_paid)
    order = state(*IN_PARTS)
    assert (order.status, order.payment_state) == (Status.PAID, PaymentStateName.PAID)
    assert [(payment.method, payment.taken) for payment in order.payments] == [
        ("voucher", gbp("5.00")),
        ("card", gbp("17.59")),
    ]


def test_an_order_for_nothing_is_paid_with_nothing_once_asked() -> None:
    free = (replace(LINES[0], price=gbp("0.00")),)
    gift = replace(created, lines=free, total=gbp("0.00"))
    given(Order).when(replace(create, lines=free)).then(gift)
    nothing = replace(request, method="nothing_to_pay")
    asked = PaymentRequested(ORDER, ADA, gbp("0.00"), "nothing_to_pay", PAYMENT)
    given(Order, gift).when(nothing).then(asked)
    given(Order, gift).when(replace(request, amount=gbp("1.00"))).then_refused(WrongAmount)
    pay_nothing = ProcessPayment(ORDER, gbp("0.00"), "nothing_to_pay", PAYMENT)
    given(Order, gift).when(pay_nothing).then_refused(PaymentNotRequested)
    lines = (LineAmount(1, "71053", 6, gbp("0.00")),)
    processed = PaymentProcessed(ORDER, "536365", ADA, gbp("0.00"), "nothing_to_pay", lines, PAYMENT)
    given(Order, gift, asked).when(pay_nothing).then(processed)
    assert state(gift).payment_state is PaymentStateName.UNPAID
    assert state(gift, asked, processed).status is Status.PAID


# --- authorised, captured, voided -----------------------------------------------------------------------------------


def test_an_amount_is_set_aside_and_taken_when_the_order_is_shipped() -> None:
    given(Order, created, requested).when(authorise).then(authorised)
    order = state(created, requested, authorised)
    assert (order.status, order.payment_state) == (Status.CREATED, PaymentStateName.AUTHORISED)
    given(Order, created, requested, authorised, shipped).when(pay).then(paid)
    after = state(created, requested, authorised, shipped, paid)
    assert (after.status, after.payment_state) == (Status.SHIPPED, PaymentStateName.PAID)


def test_no_more_is_captured_than_was_set_aside() -> None:
    part = replace(authorised, amount=gbp("22.00"))
    given(Order, created, requested, part).when(pay).then_refused(WrongAmount)


def test_an_authorisation_is_asked_for_and_twice_the_same_is_already_so() -> None:
    given(Order, created).when(authorise).then_refused(PaymentNotRequested)
    given(Order, created, requested, authorised).when(authorise).then_nothing()


def test_what_was_set_aside_is_released() -> None:
    given(Order, created, requested, authorised, cancelled()).when(void).then(voided)
    given(Order, created, requested, authorised, cancelled(), voided).when(void).then_nothing()
    given(Order, created, requested).when(void).then_refused(PaymentNotRequested)
    assert state(created, requested, authorised, voided).balance.outstanding == DUE


# --- declined -----------------------------------------------------------------------------------------------------


def test_a_declined_payment_leaves_the_order_payable_and_is_on_record() -> None:
    given(Order, created, requested).when(decline).then(declined)
    given(Order, created, requested, declined).when(request).then(replace(requested, payment_id=SECOND_PAYMENT))
    order = state(created, requested, declined, replace(requested, payment_id=SECOND_PAYMENT))
    assert [payment.status for payment in order.payments] == ["declined", "requested"]


def test_a_decline_is_of_a_payment_that_was_asked_for() -> None:
    given(Order, created).when(decline).then_refused(PaymentNotRequested)
    given(Order, created, requested, declined).when(decline).then_nothing()
    given(Order, created, requested, paid).when(decline).then_refused(PaymentNotRequested)


# --- given back -----------------------------------------------------------------------------------------------------


def test_refunds_go_back_to_the_payments_they_came_from_the_newest_first() -> None:
    given(Order, *IN_PARTS).when(cancel).then(
        cancelled(SIX_LANTERNS, TWO_MUGS),
        owed("17.59", number=1, reference="536365", payment=SECOND_PAYMENT),
        owed("5.00", number=2, reference="536365"),
    )


def test_a_part_payment_of_a_cancelled_order_goes_back() -> None:
    given(Order, created, voucher_requested, voucher_paid).when(cancel).then(
        cancelled(), owed("5.00", reference="536365")
    )


def test_a_refund_is_recorded_as_the_gateway_answered_once() -> None:
    history = (created, requested, paid, cancelled(SIX_LANTERNS, TWO_MUGS), owed("22.59", reference="536365"))
    given(Order, *history).when(record_refund("22.59")).then(refunded("22.59", reference="536365"))
    after = (*history, refunded("22.59", reference="536365"))
    given(Order, *after).when(record_refund("22.59")).then_nothing()
    given(Order, *after).when(record_refund("22.59", number=2)).then_refused(UnknownRefund, str(refund_id(2)))
    assert state(*after).payments[0].refunded == DUE


def test_no_refund_is_recorded_that_was_not_requested() -> None:
    given(Order, *SOLD).when(record_refund("1.00")).then_refused(UnknownRefund)


# --- rounding -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("price", "quantity", "currency", "due"),
    [
        ("3.335", 1, "GBP", "3.34"),
        ("3.334", 1, "GBP", "3.33"),
        ("3.335", 2, "GBP", "6.67"),
        ("0.005", 1, "EUR", "0.01"),
        ("500", 1, "XOF", "500"),
        ("1.250", 1, "IQD", "1.250"),
    ],
)
def test_a_total_is_rounded_half_up_to_what_can_be_paid(price: str, quantity: int, currency: str, due: str) -> None:
    lines = (Line("A", "", quantity, Money(Decimal(price), currency)),)
    order = given(Order, *given(Order).when(CreateOrder(ORDER, "1", None, lines)).events)
    [event] = order.when(request).events
    assert isinstance(event, PaymentRequested)
    assert event.amount == Money(Decimal(due), currency)


def test_an_order_in_a_currency_that_no_longer_exists_still_reads_and_cannot_be_paid() -> None:
    lines = (Line("A", "", 1, Money(Decimal("1.5"), "XXA")),)
    old = OrderCreated(ORDER, "1", None, "", lines, Money(Decimal("1.5"), "XXA"))
    assert state(old).balance.outstanding == Money(Decimal("1.5"), "XXA")
    refusal = given(Order, old).when(request).refusal
    assert isinstance(refusal, InvalidMessage)


def test_a_refund_never_asks_for_a_part_of_a_penny() -> None:
    """An earlier release recorded 22.595 as paid."""
    odd = replace(paid, amount=gbp("22.595"), payment_id=None, charge_id=None, processed_at=None)
    events = given(Order, replace(created, total=gbp("22.595")), odd).when(cancel).events
    assert [event.amount for event in events if isinstance(event, RefundRequested)] == [gbp("22.59")]
