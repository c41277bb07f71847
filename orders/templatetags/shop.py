"""Template filters for amounts and order states."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Protocol

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from eventshop.core.money import Money
from eventshop.datetimes import format_datetime
from orders.application.order_timeline import format_money, method_name, status_label
from orders.domain.order_status import Status
from orders.domain.payments import PaymentStateName

register = template.Library()
register.filter("money", format_money)
register.filter("method", method_name)


class _HasTotal(Protocol):
    total: Decimal
    currency: str


@register.filter
def total(row: _HasTotal) -> str:
    """The total of a row, which has amount and currency in two columns."""
    return format_money(Money(row.total, row.currency))


class _HasState(Protocol):
    status: str
    payment_state: str


@register.filter
def state(row: _HasState) -> str:
    """An order's state in the customer's words."""
    return status_label(Status(row.status), PaymentStateName(row.payment_state))[0]


@register.filter
def clock(time: datetime) -> SafeString:
    """A time of today as `14:02`; of another day with its date."""
    local = timezone.localtime(time)
    text = f"{local:%H:%M}" if local.date() == timezone.localdate() else format_datetime(time)
    return format_html('<time datetime="{}">{}</time>', time.isoformat(), text)
