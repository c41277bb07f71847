"""How templates write quantities, prices and what a state looks like."""

from __future__ import annotations

from decimal import Decimal
from typing import Protocol

from django import template

from trading.application import number_formatting
from trading.application.trade_timeline import STATES, describe_terms
from trading.domain.trade import Status

register = template.Library()
register.filter("exactly", number_formatting.format_number)
register.filter("price", number_formatting.format_price)
register.filter("result", number_formatting.format_result)
register.filter("terms", describe_terms)


class _Quoted(Protocol):
    """A row of the blotter or of the positions."""

    instrument: str
    currency: str


@register.filter
def average(value: Decimal | None, of: _Quoted) -> str:
    """An average price, as the instrument of the row is quoted."""
    return number_formatting.format_average(value, of.instrument, of.currency)


@register.filter
def trade_tone(status: str) -> str:
    """The colour of a state."""
    return STATES[Status(status)][1]
