"""The table of ISO 4217, by the figures of list one."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal

import pytest

from eventshop.core.currencies import (
    CARD_DECIMALS,
    CURRENCIES,
    DECIMALS,
    FUNDS,
    WITHOUT_MINOR_UNIT,
    decimals_of,
    smallest_payment,
)
from eventshop.core.errors import UnknownCurrency


def test_the_list_is_whole() -> None:
    """List one of 2026-09-17 has 178 codes, of which 13 have no minor unit and 10 are funds."""
    assert Counter(DECIMALS.values()) == {0: 17, 2: 139, 3: 7, 4: 2}
    assert (len(WITHOUT_MINOR_UNIT), len(FUNDS), len(CURRENCIES)) == (13, 10, 155)
    assert not WITHOUT_MINOR_UNIT & DECIMALS.keys() and DECIMALS.keys() > FUNDS
    assert all(len(code) == 3 and code.isascii() and code.isupper() for code in DECIMALS)


@pytest.mark.parametrize(
    ("currency", "decimals"),
    [
        *[(code, 0) for code in ("JPY", "XOF", "XAF", "XPF", "PYG", "ISK", "UGX", "VUV", "KMF", "RWF")],
        *[(code, 2) for code in ("GBP", "MRU", "XCG", "ZWG", "SLE", "VES")],
        *[(code, 3) for code in ("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND")],
    ],
)
def test_decimals_are_those_of_the_standard(currency: str, decimals: int) -> None:
    assert decimals_of(currency) == decimals


@pytest.mark.parametrize(
    "code",
    ["ZZZ", "BGN", "ANG", "HRK", "DEM", "ZWL", "XXX", "XTS", "XAU", "CLF", "UYI", "USDT", "gbp", "GBP ", "", "£"],
)
def test_what_is_no_currency_any_more_or_never_was_is_unknown(code: str) -> None:
    with pytest.raises(UnknownCurrency) as caught:
        decimals_of(code)
    assert caught.value.data == {"currency": code}


@pytest.mark.parametrize(
    ("currency", "smallest"),
    [("GBP", "0.01"), ("JPY", "1"), ("KWD", "0.001"), ("HUF", "1"), ("TWD", "1"), ("MGA", "1")],
)
def test_the_smallest_payment_is_a_minor_unit_or_what_cards_move(currency: str, smallest: str) -> None:
    assert smallest_payment(currency) == Decimal(smallest)


def test_cards_never_move_less_than_a_minor_unit() -> None:
    assert all(decimals < decimals_of(currency) for currency, decimals in CARD_DECIMALS.items())
