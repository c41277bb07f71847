"""Amounts and events in the customer's words."""

from __future__ import annotations

from decimal import Decimal

import pytest
from msgspec.structs import replace

from eventshop.core.money import Money
from orders.application.order_timeline import describe_event, format_money, method_name, status_label
from orders.domain.events import PaymentDeclined, PaymentRefunded
from orders.domain.order_status import Status
from orders.domain.payments import PaymentStateName
from tests.support.sales import ADA, Sale, gbp

SALE = Sale(1)


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        ("9", "GBP", "£9.00"),
        ("1234.5", "EUR", "€1,234.50"),
        ("-2.50", "GBP", "-£2.50"),
        ("1.125", "GBP", "£1.125"),
        ("500", "JPY", "500 JPY"),
        ("1.25", "KWD", "1.250 KWD"),
        ("1", "ZZZ", "1.00 ZZZ"),
    ],
)
def test_an_amount_has_the_decimals_of_its_currency(amount: str, currency: str, text: str) -> None:
    assert format_money(Money(Decimal(amount), currency)) == text


def test_a_method_has_a_name_and_a_test_card_is_quoted() -> None:
    assert [method_name(method) for method in ("bank_transfer", "pending")] == ["bank transfer", "“pending”"]


@pytest.mark.parametrize(
    ("status", "payment_state", "label"),
    [
        (Status.CREATED, PaymentStateName.UNPAID, "Waiting for your payment"),
        (Status.CREATED, PaymentStateName.PARTLY_PAID, "Paid in part"),
        (Status.CREATED, PaymentStateName.AUTHORISED, "Payment authorised, being packed"),
        (Status.SHIPPED, PaymentStateName.UNPAID, "On its way"),
    ],
)
def test_the_label_says_what_an_order_waits_for(status: Status, payment_state: PaymentStateName, label: str) -> None:
    assert status_label(status, payment_state)[0] == label


def test_a_decline_names_its_method_where_it_is_known() -> None:
    old = PaymentDeclined(SALE.order_id, ADA, gbp("9.00"), "card expired")
    assert describe_event(old)[0] == "Your payment of £9.00 was declined: card expired. Nothing was taken."
    new = PaymentDeclined(SALE.order_id, ADA, gbp("9.00"), "card expired", SALE.order_id, "card")
    assert "£9.00 by card was declined" in describe_event(new)[0]


def test_a_refund_that_an_earlier_release_only_asked_for_is_not_said_to_be_paid() -> None:
    old = PaymentRefunded(SALE.order_id, "C1", ADA, gbp("9.00"), "chipped")
    assert describe_event(old)[0] == "We are refunding £9.00."
    assert describe_event(replace(old, observed=True))[0] == "We gave you £9.00 back."
