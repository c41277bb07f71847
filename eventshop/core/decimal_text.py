"""Decimals from outside: one pattern and one set of bounds for API, forms, importers and commands.

`Decimal()` is no validation: it accepts "1_0", " 1", "NaN", digits of every script and "1E-999999999", whose plain form
has a billion digits.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

from eventshop.core.errors import InvalidMessage

#: The format of decimals in requests, responses and forms; the OpenAPI document publishes it.
DECIMAL_PATTERN: Final = r"^-?[0-9]+(\.[0-9]+)?$"
#: The most digits before and after the point. Price times quantity has at most 20 and 16; a sum of them is exact.
MAX_DIGITS: Final = 20

_DECIMAL: Final = re.compile(r"-?[0-9]+(?:\.[0-9]+)?", re.ASCII)
#: A sign, the digits on both sides and the point.
_MAX_LENGTH: Final = 2 * MAX_DIGITS + 2


def parse_decimal(text: str) -> Decimal:
    """Return the decimal in a text; raises `InvalidMessage` for another format or too many digits."""
    if not _DECIMAL.fullmatch(text[: _MAX_LENGTH + 1]):
        raise InvalidMessage("must be a decimal such as 12.50: digits, at most one point, no exponent and no spaces")
    whole, _, fraction = text.lstrip("-").partition(".")
    if len(whole) > MAX_DIGITS or len(fraction) > MAX_DIGITS:
        raise InvalidMessage(f"must have at most {MAX_DIGITS} digits before and after the point")
    return Decimal(text)


def check_decimal(value: Decimal) -> None:
    """Raise `InvalidMessage` for a decimal that is not finite or has too many digits; its text may have an exponent."""
    exponent = value.as_tuple().exponent
    if not isinstance(exponent, int):
        raise InvalidMessage(f"must be a finite number, not {value}")
    if exponent < -MAX_DIGITS or value.adjusted() >= MAX_DIGITS:
        raise InvalidMessage(f"must have at most {MAX_DIGITS} digits before and after the point")
