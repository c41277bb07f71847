"""Template filters for quantities, prices, order terms and the colours of a trade's status."""

from __future__ import annotations

from decimal import Decimal
from typing import Protocol

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from trading.application import number_formatting
from trading.application.trade_timeline import STATUS_LABELS, describe_terms
from trading.domain.trade import Status

register = template.Library()
register.filter("number", number_formatting.format_number)
register.filter("price", number_formatting.format_price)
register.filter("result", number_formatting.format_result)
register.filter("terms", describe_terms)


class _Quoted(Protocol):
    """A row of the trade blotter or of the positions."""

    instrument: str
    currency: str


@register.filter
def average(value: Decimal | None, row: _Quoted) -> str:
    """An average price with the decimals of the row's instrument."""
    currency = getattr(row, "price_currency", row.currency)  # a position may be worth coin, and be quoted in dollars
    return number_formatting.format_average(value, row.instrument, currency)


@register.filter
def breakable(code: str) -> SafeString:
    """An instrument's code that may break behind its venue, where a table is narrow."""
    venue, _, symbol = code.partition("/")
    return format_html("{}/<wbr>{}", venue, symbol)


@register.filter
def trade_tone(status: str) -> str:
    """The CSS class of a status."""
    return STATUS_LABELS[Status(status)][1]
