"""What can be paid, and the one rule of rounding."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventshop.core.currencies import CURRENCIES, smallest_payment
from eventshop.core.errors import UnknownCurrency, UnpayableAmount
from eventshop.core.money import Money, check_payable, from_minor_units, round_to_payable, to_minor_units

currencies = st.sampled_from(sorted(CURRENCIES))


def money(amount: str, currency: str) -> Money:
    return Money(Decimal(amount), currency)


@pytest.mark.parametrize(
    ("amount", "currency", "minor_units"),
    [("500", "XOF", 500), ("1.250", "IQD", 1250), ("9", "GBP", 900), ("1200", "JPY", 1200), ("7.00", "HUF", 700)],
)
def test_an_amount_is_counted_in_the_minor_unit_of_its_currency(amount: str, currency: str, minor_units: int) -> None:
    assert to_minor_units(money(amount, currency)) == minor_units
    assert from_minor_units(minor_units, currency) == money(amount, currency)


@pytest.mark.parametrize(
    ("amount", "currency"),
    [("100.50", "JPY"), ("1.2505", "IQD"), ("0.005", "GBP"), ("0.5", "XPF"), ("10.50", "HUF"), ("0.20", "MGA")],
)
def test_a_fraction_of_the_smallest_payment_cannot_be_paid(amount: str, currency: str) -> None:
    with pytest.raises(UnpayableAmount, match=f"amounts in {currency} are multiples of {smallest_payment(currency)}"):
        check_payable(money(amount, currency))


@pytest.mark.parametrize("currency", ["ZZZ", "XXX", "BGN"])
def test_nothing_can_be_paid_in_an_unknown_currency(currency: str) -> None:
    for act in (check_payable, to_minor_units, round_to_payable):
        with pytest.raises(UnknownCurrency):
            act(money("1", currency))


@pytest.mark.parametrize(
    ("amount", "currency", "rounded"),
    [
        ("3.335", "GBP", "3.34"),
        ("3.3349", "GBP", "3.33"),
        ("6.670", "GBP", "6.67"),
        ("-3.335", "GBP", "-3.34"),
        ("0.5", "JPY", "1"),
        ("1.2505", "IQD", "1.251"),
        ("10.50", "HUF", "11.00"),
        ("999999999999999.4", "JPY", "999999999999999"),
    ],
)
def test_what_is_owed_is_rounded_half_up(amount: str, currency: str, rounded: str) -> None:
    assert str(round_to_payable(money(amount, currency)).amount) == rounded


@given(amount=st.decimals(-(10**12), 10**12, places=8), currency=currencies)
def test_what_is_rounded_can_be_paid_and_is_at_most_half_a_unit_off(amount: Decimal, currency: str) -> None:
    rounded = round_to_payable(Money(amount, currency))
    check_payable(rounded)
    assert abs(rounded.amount - amount) <= smallest_payment(currency) / 2
    assert round_to_payable(rounded) == rounded


@given(steps=st.integers(0, 10**12), currency=currencies)
def test_what_can_be_paid_survives_the_way_to_minor_units_and_back(steps: int, currency: str) -> None:
    amount = Money(steps * smallest_payment(currency), currency)
    assert from_minor_units(to_minor_units(amount), currency) == amount
