"""Writes the digits of a number as the active language does."""

from __future__ import annotations

from typing import Final

from django.utils.translation import get_language

#: Languages with a comma before the decimals and points between the thousands.
_WITH_COMMA: Final = ("de",)
_SWAPPED: Final = str.maketrans(",.", ".,")


def has_decimal_comma() -> bool:
    return (get_language() or "").startswith(_WITH_COMMA)


def localise_digits(text: str) -> str:
    """`1,234.50` as the active language writes it: `1.234,50` in German."""
    return text.translate(_SWAPPED) if has_decimal_comma() else text
