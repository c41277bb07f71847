"""Sums and products of decimals that are never rounded unnoticed, and the one division that says how it rounds."""

from __future__ import annotations

from decimal import (
    ROUND_CEILING,
    ROUND_HALF_EVEN,
    Context,
    Decimal,
    DivisionByZero,
    Inexact,
    InvalidOperation,
    Overflow,
)
from typing import Final

#: Python's own context rounds to 28 digits without a word; a price times a quantity can have 36. This one raises.
_EXACT: Final = Context(prec=76, traps=[Inexact, InvalidOperation, DivisionByZero, Overflow])
_ROUNDING: Final = Context(prec=76, rounding=ROUND_HALF_EVEN, traps=[InvalidOperation, DivisionByZero, Overflow])

ZERO: Final = Decimal(0)


def plus(one: Decimal, other: Decimal) -> Decimal:
    return _EXACT.add(one, other)


def minus(one: Decimal, other: Decimal) -> Decimal:
    return _EXACT.subtract(one, other)


def times(one: Decimal, other: Decimal) -> Decimal:
    return _EXACT.multiply(one, other)


def ratio(one: Decimal, other: Decimal, *, decimals: int) -> Decimal:
    """`one / other` to so many decimals, half to even."""
    unit = Decimal(1).scaleb(-decimals)
    return _ROUNDING.divide(one, other).quantize(unit, context=_ROUNDING)


def rounded_up(value: Decimal, *, decimals: int) -> Decimal:
    """The smallest number of so many decimals that is not below."""
    return value.quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_CEILING, context=_ROUNDING)


def is_multiple(value: Decimal, step: Decimal) -> bool:
    return not _EXACT.remainder(value, step)


def decimals(value: Decimal) -> int:
    """Digits after the point that are not trailing zeros."""
    exponent = value.normalize(_EXACT).as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def plain(value: Decimal) -> str:
    """One text for one number, without exponent and trailing zeros."""
    return f"{value.normalize(_EXACT):f}"
