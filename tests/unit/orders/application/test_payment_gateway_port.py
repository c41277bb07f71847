"""Amounts in minor units, as a gateway counts."""

from __future__ import annotations

from decimal import Decimal

import pytest

from eventshop.core.errors import UnknownCurrency, UnpayableAmount
from eventshop.core.money import Money
from orders.application.payment_gateway_port import minor_units
from tests.support.raised import with_data


@pytest.mark.parametrize(
    ("amount", "currency", "pennies"),
    [("9.00", "GBP", 900), ("0.010", "EUR", 1), ("500", "XOF", 500), ("1.250", "IQD", 1250), ("1.005", "KWD", 1005)],
)
def test_an_amount_is_counted_in_the_smallest_coin_of_its_currency(amount: str, currency: str, pennies: int) -> None:
    assert minor_units(Money(Decimal(amount), currency)) == pennies


@pytest.mark.parametrize(("amount", "currency"), [("0", "GBP"), ("-1", "GBP")])
def test_a_payment_is_more_than_nothing(amount: str, currency: str) -> None:
    money = Money(Decimal(amount), currency)
    with pytest.raises(UnpayableAmount, check=with_data(amount=str(money))):
        minor_units(money)


@pytest.mark.parametrize(("amount", "currency"), [("0.005", "GBP"), ("1.5", "JPY"), ("1.2505", "IQD")])
def test_what_no_coin_can_pay_is_refused(amount: str, currency: str) -> None:
    with pytest.raises(UnpayableAmount):
        minor_units(Money(Decimal(amount), currency))


def test_a_currency_that_is_none_is_refused() -> None:
    with pytest.raises(UnknownCurrency):
        minor_units(Money(Decimal("9.00"), "ZZZ"))
