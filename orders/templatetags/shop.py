"""How templates write amounts and states."""

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
    """The total of a row that has amount and currency apart."""
    return format_money(Money(row.total, row.currency))


@register.filter
def state(status: str) -> str:
    """A state in the customer's words."""
    return STATUS_LABELS[Status(status)][0]
