"""Quantities, prices and results as people read them. What is computed stays exact; only what is shown is rounded."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final

from eventshop.core.decimal_math import decimals, plain
from trading.domain.instruments import INSTRUMENTS

NOTHING: Final = "–"
#: Of an amount in any currency, and of a price whose instrument is not listed any more.
AT_LEAST: Final = 2


def written(value: Decimal | None) -> str:
    """Every digit there is, and none besides, in groups of three."""
    return NOTHING if value is None else f"{Decimal(plain(value)):,f}"


def price(value: Decimal | None, currency: str) -> str:
    """A price that was named, with every digit of it: `212.40 EUR`. It does not wrap."""
    return NOTHING if value is None else _money(value, max(AT_LEAST, decimals(value)), currency)


def average(value: Decimal | None, instrument: str, currency: str) -> str:
    """A price that was computed, to the digits in which its instrument is quoted."""
    return NOTHING if value is None else _money(value, _digits(instrument), currency)


def result(value: Decimal | None, currency: str) -> str:
    """What was gained or lost, to hundredths; what is smaller is not shown as nothing."""
    if value is None:
        return NOTHING
    if value and abs(value) < Decimal("0.01"):
        return price(value, currency)
    return _money(value, AT_LEAST, currency)


def _digits(instrument: str) -> int:
    listed = INSTRUMENTS.get(instrument)
    return max(AT_LEAST, decimals(listed.tick)) if listed else AT_LEAST


def _money(value: Decimal, digits: int, currency: str) -> str:
    rounded = value.quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_EVEN)
    return f"{rounded:,f}\N{NO-BREAK SPACE}{currency}"
