"""How templates write quantities, prices and what a state looks like."""

from __future__ import annotations

from decimal import Decimal
from typing import Protocol

from django import template

from trading import figures
from trading.desk import STATES, terms_of
from trading.trade import Status

register = template.Library()
register.filter("exactly", figures.written)
register.filter("price", figures.price)
register.filter("result", figures.result)
register.filter("terms", terms_of)


class _Quoted(Protocol):
    """A row of the blotter or of the positions."""

    instrument: str
    currency: str


@register.filter
def average(value: Decimal | None, of: _Quoted) -> str:
    """An average price, as the instrument of the row is quoted."""
    return figures.average(value, of.instrument, of.currency)


@register.filter
def trade_tone(status: str) -> str:
    """The colour of a state."""
    return STATES[Status(status)][1]
