"""Decimal arithmetic that never rounds silently, and one division with explicit rounding."""

from __future__ import annotations

from decimal import (
    ROUND_CEILING,
    ROUND_HALF_EVEN,
    ROUND_HALF_UP,
    Context,
    Decimal,
    DivisionByZero,
    Inexact,
    InvalidOperation,
    Overflow,
)
from typing import Final

#: Python's default context rounds to 28 digits silently; a price times a quantity can have 36. This context raises.
_EXACT_CONTEXT: Final = Context(prec=76, traps=[Inexact, InvalidOperation, DivisionByZero, Overflow])
_ROUNDING_CONTEXT: Final = Context(
    prec=76, rounding=ROUND_HALF_EVEN, traps=[InvalidOperation, DivisionByZero, Overflow]
)

ZERO: Final = Decimal(0)


def add(left: Decimal, right: Decimal) -> Decimal:
    return _EXACT_CONTEXT.add(left, right)


def subtract(left: Decimal, right: Decimal) -> Decimal:
    return _EXACT_CONTEXT.subtract(left, right)


def multiply(left: Decimal, right: Decimal) -> Decimal:
    return _EXACT_CONTEXT.multiply(left, right)


def divide(dividend: Decimal, divisor: Decimal, *, decimals: int) -> Decimal:
    """Return `dividend / divisor` rounded half to even to a number of decimal places."""
    unit = Decimal(1).scaleb(-decimals)
    return _ROUNDING_CONTEXT.divide(dividend, divisor).quantize(unit, context=_ROUNDING_CONTEXT)


def round_up(value: Decimal, *, decimals: int) -> Decimal:
    """Round towards positive infinity to a number of decimal places."""
    return value.quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_CEILING, context=_ROUNDING_CONTEXT)


def round_half_up(value: Decimal, *, decimals: int) -> Decimal:
    """Round half away from zero to a number of decimal places."""
    return value.quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_UP, context=_ROUNDING_CONTEXT)


def is_multiple(value: Decimal, step: Decimal) -> bool:
    return not _EXACT_CONTEXT.remainder(value, step)


def decimal_places(value: Decimal) -> int:
    """Return the number of digits after the decimal point, without trailing zeros."""
    exponent = value.normalize(_EXACT_CONTEXT).as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def format_plain(value: Decimal) -> str:
    """Format without exponent and trailing zeros, so that equal numbers give equal texts."""
    return f"{value.normalize(_EXACT_CONTEXT):f}"
