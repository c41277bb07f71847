"""How templates write quantities, prices and what a state looks like."""

from __future__ import annotations

from django import template

from trading.desk import STATES, terms_of, written
from trading.trade import Status

register = template.Library()
register.filter("exactly", written)
register.filter("terms", terms_of)


@register.filter
def trade_tone(status: str) -> str:
    """The colour of a state."""
    return STATES[Status(status)][1]
