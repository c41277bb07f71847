"""Quantities, prices and results as people read them. What is computed stays exact; only what is shown is rounded."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final

from eventshop.core.decimal_math import decimal_places, format_plain
from trading.domain.instruments import INSTRUMENTS

NO_VALUE: Final = "–"
#: Of an amount in any currency, and of a price whose instrument is not listed any more.
MIN_DECIMALS: Final = 2


def format_number(value: Decimal | None) -> str:
    """Every digit there is, and none besides, in groups of three."""
    return NO_VALUE if value is None else f"{Decimal(format_plain(value)):,f}"


def format_price(value: Decimal | None, currency: str) -> str:
    """A price that was named, with every digit of it: `212.40 EUR`. It does not wrap."""
    return NO_VALUE if value is None else _format_amount(value, max(MIN_DECIMALS, decimal_places(value)), currency)


def format_average(value: Decimal | None, instrument: str, currency: str) -> str:
    """A price that was computed, to the digits in which its instrument is quoted."""
    return NO_VALUE if value is None else _format_amount(value, _price_decimals(instrument), currency)


def format_result(value: Decimal | None, currency: str) -> str:
    """What was gained or lost, to hundredths; what is smaller is not shown as nothing."""
    if value is None:
        return NO_VALUE
    if value and abs(value) < Decimal("0.01"):
        return format_price(value, currency)
    return _format_amount(value, MIN_DECIMALS, currency)


def _price_decimals(instrument: str) -> int:
    listed = INSTRUMENTS.get(instrument)
    return max(MIN_DECIMALS, decimal_places(listed.tick)) if listed else MIN_DECIMALS


def _format_amount(value: Decimal, digits: int, currency: str) -> str:
    rounded = value.quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_EVEN)
    return f"{rounded:,f}\N{NO-BREAK SPACE}{currency}"
