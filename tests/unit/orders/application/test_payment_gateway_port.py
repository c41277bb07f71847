"""Amounts in minor units."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventshop.core.errors import InvalidMessage, InvalidMoney
from eventshop.core.money import Money
from orders.application.payment_gateway_port import from_minor_units, minor_units
from tests.support.raised import with_data


@given(pennies=st.integers(1, 10**12), currency=st.sampled_from(["GBP", "EUR", "JPY", "KWD"]))
def test_pennies_there_and_back_are_the_same(pennies: int, currency: str) -> None:
    assert minor_units(from_minor_units(pennies, currency)) == pennies


@pytest.mark.parametrize(
    ("amount", "currency", "pennies"),
    [("9.00", "GBP", 900), ("9", "GBP", 900), ("0.010", "EUR", 1), ("1200", "JPY", 1200), ("1.005", "KWD", 1005)],
)
def test_an_amount_is_counted_in_the_smallest_coin_of_its_currency(amount: str, currency: str, pennies: int) -> None:
    assert minor_units(Money(Decimal(amount), currency)) == pennies


@pytest.mark.parametrize(("amount", "currency"), [("0", "GBP"), ("-1", "GBP"), ("0.005", "GBP"), ("1.5", "JPY")])
def test_what_no_coin_can_pay_is_refused(amount: str, currency: str) -> None:
    money = Money(Decimal(amount), currency)
    with pytest.raises(InvalidMessage, check=with_data(amount=str(money))):
        minor_units(money)


def test_a_currency_that_is_none_is_refused() -> None:
    with pytest.raises(InvalidMoney):
        from_minor_units(900, "pounds")
