"""Formatting of quantities, prices and results for display."""

from __future__ import annotations

from decimal import Decimal

import pytest

from trading.application import number_formatting

NBSP = "\N{NO-BREAK SPACE}"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("value", "code", "text"),
    [
        ("61837.6433333333", "BINANCE_SPOT/BTCUSDT", f"61,837.64{NBSP}USDT"),
        ("212.4", "XETRA/SAP", f"212.40{NBSP}USDT"),
        ("61837.6433333333", "BINANCE_USDM/BTCUSDT", f"61,837.64{NBSP}USDT"),  # quoted in tenths, and still money
        ("1.005", "NO/LONGER", f"1.00{NBSP}USDT"),
    ],
)
def test_an_average_has_the_digits_of_its_instrument(value: str, code: str, text: str) -> None:
    assert number_formatting.format_average(Decimal(value), code, "USDT") == text


def test_a_price_that_was_named_loses_no_digit() -> None:
    assert number_formatting.format_price(Decimal("0.00012500"), "USDT") == f"0.000125{NBSP}USDT"
    assert number_formatting.format_price(Decimal("212.4000000000"), "EUR") == f"212.40{NBSP}EUR"


def test_a_small_result_is_not_nothing() -> None:
    assert number_formatting.format_result(Decimal("-1234.5678901234"), "EUR") == f"-1,234.57{NBSP}EUR"
    assert number_formatting.format_result(Decimal("0.0004000000"), "USDT") == f"0.0004{NBSP}USDT"
    assert number_formatting.format_result(Decimal("0E-10"), "EUR") == f"0.00{NBSP}EUR"


def test_what_nobody_knows_is_a_dash() -> None:
    assert {
        number_formatting.format_price(None, "EUR"),
        number_formatting.format_average(None, "XETRA/SAP", "EUR"),
        number_formatting.format_result(None, "EUR"),
    } == {"–"}
