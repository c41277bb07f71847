"""Template filters for amounts and order states."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Final, Protocol

from django import template
from django.conf import settings
from django.contrib.staticfiles import finders
from django.templatetags.static import static
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from eventshop.core.money import Money
from eventshop.datetimes import format_datetime
from orders.application.order_timeline import format_money, method_name, status_label
from orders.domain.order_status import Status
from orders.domain.payments import PaymentStateName
from orders.models import DeliveryOption, Product

#: Pictures on a page that are loaded at once; the others when they come near.
EAGER: Final = 4
NO_PICTURE: Final = "products/none.svg"
#: Some test cards of the local payment gateway; its page lists all.
TEST_CARDS: Final = {
    "4242 4242 4242 4242": "paid at once",
    "4000 0000 0000 0010": "declined, not enough money",
    "4000 0000 0000 0044": "pending, paid a little later",
}

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


@register.filter
def delivery_price(option: DeliveryOption) -> str:
    """The price of a delivery, without what makes it free."""
    return format_money(Money(option.price, option.currency))


@register.simple_tag
def picture(product: Product, lazy: int = 0) -> SafeString:
    """The product's picture with size and text. `lazy`: its place on the page; later ones load when they are near."""
    name = product.picture if product.picture and finders.find(product.picture) else NO_PICTURE
    text = product.picture_shows if name != NO_PICTURE else ""
    loading = mark_safe(' loading="lazy"') if lazy >= EAGER else ""
    return format_html('<img src="{}" width="320" height="240" alt="{}"{}>', static(name), text, loading)


@register.simple_tag
def test_cards() -> list[tuple[str, str]]:
    """The test cards of the local payment gateway, with what each does; none in front of a real one."""
    return list(TEST_CARDS.items()) if settings.PAYMENT_TEST_CARDS else []
