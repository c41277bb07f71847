"""Formats quantities, prices and results for display. Only the display is rounded; computed values stay exact."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final

from eventshop.core.decimal_math import decimal_places, format_plain
from eventshop.formats.numbers import localise_digits
from trading.application.instruments import displayed_listings

NO_VALUE: Final = "–"
#: The fewest decimals of an amount or a price; the decimals of a price whose instrument is no longer listed.
MIN_DECIMALS: Final = 2


def format_number(value: Decimal | None) -> str:
    """All significant digits without trailing zeros, in groups of three."""
    return NO_VALUE if value is None else localise_digits(f"{Decimal(format_plain(value)):,f}")


def format_price(value: Decimal | None, currency: str) -> str:
    """A quoted price with all its digits, such as `212.40 EUR`, with a no-break space."""
    return NO_VALUE if value is None else _format_amount(value, max(MIN_DECIMALS, decimal_places(value)), currency)


def format_average(value: Decimal | None, instrument: str, currency: str) -> str:
    """A computed price, rounded to the decimals in which its instrument is quoted."""
    return NO_VALUE if value is None else _format_amount(value, _price_decimals(instrument), currency)


def format_result(value: Decimal | None, currency: str) -> str:
    """A profit or loss, rounded to hundredths. A smaller amount keeps all digits instead of becoming zero."""
    if value is None:
        return NO_VALUE
    if value and abs(value) < Decimal("0.01"):
        return format_price(value, currency)
    return _format_amount(value, MIN_DECIMALS, currency)


def _price_decimals(instrument: str) -> int:
    listing = displayed_listings().get(instrument)
    return max(MIN_DECIMALS, decimal_places(listing.instrument.tick)) if listing else MIN_DECIMALS


def _format_amount(value: Decimal, digits: int, currency: str) -> str:
    rounded = value.quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_EVEN)
    return f"{localise_digits(f'{rounded:,f}')}\N{NO-BREAK SPACE}{currency}"
