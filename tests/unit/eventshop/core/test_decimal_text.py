"""Decimals from outside: the published pattern, then bounds."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest

from eventshop.core.decimal_text import DECIMAL_PATTERN, check_decimal, parse_decimal
from eventshop.core.errors import InvalidMessage
from tests.support.hostile_values import HOSTILE_DECIMALS


@pytest.mark.parametrize("text", ["0", "-1", "12.50", "007", "9" * 20 + "." + "9" * 20])
def test_a_decimal_is_read_exactly(text: str) -> None:
    assert str(parse_decimal(text)) == str(Decimal(text))
    assert re.search(DECIMAL_PATTERN, text)


@pytest.mark.parametrize("text", HOSTILE_DECIMALS, ids=lambda text: ascii(text)[:20])
def test_everything_else_is_refused(text: str) -> None:
    with pytest.raises(InvalidMessage):
        parse_decimal(text)


@pytest.mark.parametrize("value", ["NaN", "sNaN", "-Infinity", "1E-999999999", "1E+999999999", "0E-21", "1E+20"])
def test_a_decimal_built_in_python_is_bounded_too(value: str) -> None:
    with pytest.raises(InvalidMessage):
        check_decimal(Decimal(value))


def test_a_computed_decimal_may_have_an_exponent() -> None:
    check_decimal(Decimal("1E+2"))
    check_decimal(Decimal("1E-20"))
