"""How templates write amounts and states."""

from __future__ import annotations

from decimal import Decimal
from typing import Protocol

from django import template

from eventshop.core.money import Money
from orders.application.order_timeline import STATES, money
from orders.domain.order import Status

register = template.Library()
register.filter("money", money)


class _Totalled(Protocol):
    total: Decimal
    currency: str


@register.filter
def total(row: _Totalled) -> str:
    """The total of a row that has amount and currency apart."""
    return money(Money(row.total, row.currency))


@register.filter
def state(status: str) -> str:
    """A state in the customer's words."""
    return STATES[Status(status)][0]
