"""Money is exact, in one currency, and nothing else gets in."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventshop.core.errors import CurrencyMismatch, InvalidMoney
from eventshop.core.money import MAX_DECIMALS, MAX_DIGITS, Money, total
from tests.support.raised import with_data


def gbp(amount: str) -> Money:
    return Money(Decimal(amount), "GBP")


def test_money_is_added_taken_away_and_multiplied_exactly() -> None:
    assert gbp("0.10") + gbp("0.20") == gbp("0.30")
    assert gbp("1") - gbp("2.5") == gbp("-1.5")
    assert gbp("3.39") * 6 == gbp("20.34")
    assert -gbp("1") == gbp("-1")
    assert gbp("1") < gbp("1.001") <= gbp("1.001")


def test_a_sum_of_nothing_is_zero() -> None:
    assert total([], currency="GBP") == gbp("0")
    assert total([gbp("1.10"), gbp("2.20")], currency="GBP") == gbp("3.30")


@given(st.decimals(allow_nan=True, allow_infinity=True), st.text("GBPx", min_size=2, max_size=4))
def test_what_is_checked_quickly_is_checked_as_strictly(amount: Decimal, currency: str) -> None:
    """The result does not depend on whether the currency was seen before."""

    def construct() -> str:
        try:
            return str(Money(amount, currency))
        except InvalidMoney as error:
            return error.message

    first = construct()
    assert construct() == first
    fits = amount.is_finite() and amount.adjusted() < MAX_DIGITS and -int(amount.as_tuple().exponent) <= MAX_DECIMALS
    assert (first == f"{amount:,} {currency}") == (fits and len(currency) == 3 and currency.isupper())


@pytest.mark.parametrize("operation", ["__add__", "__sub__", "__lt__", "__le__"])
def test_two_currencies_never_meet(operation: str) -> None:
    with pytest.raises(CurrencyMismatch, check=with_data(left="GBP", right="EUR")):
        getattr(gbp("1"), operation)(Money(Decimal(1), "EUR"))
    assert gbp("1") != Money(Decimal(1), "EUR")


def test_a_sum_is_of_its_own_currency() -> None:
    with pytest.raises(CurrencyMismatch):
        total([gbp("1")], currency="EUR")


@pytest.mark.parametrize("amount", [1.1, 1, "1.10", True, None])
def test_only_a_decimal_is_an_amount(amount: Any) -> None:
    with pytest.raises(InvalidMoney, check=with_data(amount=repr(amount))):
        Money(amount, "GBP")


@pytest.mark.parametrize("amount", ["NaN", "sNaN", "Infinity", "-Infinity"])
def test_what_is_no_number_is_no_amount(amount: str) -> None:
    with pytest.raises(InvalidMoney):
        gbp(amount)


def test_eight_decimals_are_enough() -> None:
    assert gbp("0.00000001").decimals == 8
    with pytest.raises(InvalidMoney, check=with_data(amount=Decimal("0.000000001"))):
        gbp("0.000000001")


def test_fifteen_digits_are_enough() -> None:
    assert gbp("999999999999999.99999999")
    for huge in ("1000000000000000", "1E+15", "-1E+400", "0E+20"):
        with pytest.raises(InvalidMoney, check=with_data(amount=Decimal(huge))):
            gbp(huge)


def test_what_grows_too_large_is_refused_not_rounded() -> None:
    with pytest.raises(InvalidMoney):
        gbp("999999999999999") + gbp("1")
    with pytest.raises(InvalidMoney):
        gbp("999999999999999.99999999") * 10_000_000


@pytest.mark.parametrize("currency", ["", "gbp", "GB", "GBPS", "G P", "£££", "ÄÖÜ", None, 826])
def test_a_currency_is_three_capital_letters(currency: Any) -> None:
    with pytest.raises(InvalidMoney, check=with_data(currency=repr(currency))):
        Money(Decimal(1), currency)


@pytest.mark.parametrize("times", [1.5, "2", True, Decimal(2)])
def test_money_is_multiplied_by_whole_numbers_only(times: Any) -> None:
    with pytest.raises(InvalidMoney, check=with_data(quantity=repr(times))):
        gbp("1") * times


def test_money_is_told_with_its_currency() -> None:
    assert str(gbp("-1192.20")) == "-1,192.20 GBP"


AMOUNTS = st.decimals(min_value=-(10**12), max_value=10**12, places=3).map(lambda amount: Money(amount, "GBP"))


@given(st.lists(AMOUNTS, max_size=30), st.randoms())
def test_a_sum_does_not_depend_on_the_order(amounts: list[Money], chance: Any) -> None:
    shuffled = list(amounts)
    chance.shuffle(shuffled)
    assert total(shuffled, currency="GBP") == total(amounts, currency="GBP")


@given(AMOUNTS, st.integers(min_value=1, max_value=100))
def test_multiplying_is_adding_many_times(amount: Money, times: int) -> None:
    assert amount * times == total([amount] * times, currency="GBP")
