"""How templates write quantities, prices and what a state looks like."""

from __future__ import annotations

from decimal import Decimal
from typing import Protocol

from django import template

from trading.application import number_formatting
from trading.application.trade_timeline import STATES, terms_of
from trading.domain.trade import Status

register = template.Library()
register.filter("exactly", number_formatting.written)
register.filter("price", number_formatting.price)
register.filter("result", number_formatting.result)
register.filter("terms", terms_of)


class _Quoted(Protocol):
    """A row of the blotter or of the positions."""

    instrument: str
    currency: str


@register.filter
def average(value: Decimal | None, of: _Quoted) -> str:
    """An average price, as the instrument of the row is quoted."""
    return number_formatting.average(value, of.instrument, of.currency)


@register.filter
def trade_tone(status: str) -> str:
    """The colour of a state."""
    return STATES[Status(status)][1]
