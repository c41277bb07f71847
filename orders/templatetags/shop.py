"""Template filters for amounts and order states."""

from __future__ import annotations

from decimal import Decimal
from typing import Protocol

from django import template

from eventshop.core.money import Money
from orders.application.order_timeline import STATUS_LABELS, format_money
from orders.domain.order import Status

register = template.Library()
register.filter("money", format_money)


class _HasTotal(Protocol):
    total: Decimal
    currency: str


@register.filter
def total(row: _HasTotal) -> str:
    """The total of a row, which has amount and currency in two columns."""
    return format_money(Money(row.total, row.currency))


@register.filter
def state(status: str) -> str:
    """An order's status in the customer's words."""
    return STATUS_LABELS[Status(status)][0]
