"""The letters about orders: what happened, what it means for the customer, and where to go on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from eventshop.core.messages import Meta
from eventshop.datetimes import format_datetime
from eventshop.web.letters.letter import Action, Letter, site_url
from eventshop.web.letters.letter_kinds import LetterKind
from orders.application.customer_order import CustomerOrder, load_any_order
from orders.application.order_timeline import count_items, describe_event, format_money
from orders.domain.events import (
    ItemsReturned,
    OrderCancelled,
    OrderCreated,
    OrderDelivered,
    OrderShipped,
    PaymentDeclined,
    PaymentProcessed,
    PaymentRefunded,
    ReturnAccepted,
    ReturnDeclined,
    ReturnRequested,
)

BECAUSE: Final = gettext_noop("You get this letter because it is about your order. It is no advertisement.")
Compose = Callable[[Any, CustomerOrder], Letter | None]


def _of_order(compose: Compose) -> Callable[[Any, Meta], Letter | None]:
    """Give the composing function the order as it is now."""

    def letter(event: Any, meta: Meta) -> Letter | None:
        order = load_any_order(meta.aggregate_id)
        return None if order is None else compose(event, order)

    return letter


def _letter(order: CustomerOrder, subject: str, *paragraphs: str, label: str = "", **more: Any) -> Letter:
    """A letter with a link to the order. The subject may name it: `{order}`."""
    url = site_url(reverse("orders:order", args=[order.id]))
    action = Action(label or _("See your order"), url)
    return Letter(subject.format(order=order.reference), paragraphs, action=action, because=_(BECAUSE), **more)


def _rows(order: CustomerOrder) -> list[tuple[str, str, str]]:
    lines = ((line.description or line.sku, f"{line.quantity} ×", format_money(line.amount)) for line in order.lines)
    return [*lines, (_("Total"), "", format_money(order.state.total))]


def _confirm(event: OrderCreated, order: CustomerOrder) -> Letter:
    until = order.pay_until
    paragraphs = [_("Thank you. We have your order, and set the goods aside for you.")]
    if until and order.can_pay:
        paragraphs.append(_("It waits for your payment until {until}.").format(until=format_datetime(until)))
    facts = [(_("Order"), event.reference), (_("Ordered"), format_datetime(order.ordered_at)), *_destination(order)]
    return _letter(
        order, _("Your order {order}"), *paragraphs, rows=_rows(order), facts=facts,
        after=(_("Questions? Answer this letter and name the order."),),
    )  # fmt: skip


def _destination(order: CustomerOrder) -> list[tuple[str, str]]:
    return [(_("Delivery to"), order.destination)] if order.destination else []


def _paid(event: PaymentProcessed, order: CustomerOrder) -> Letter | None:
    if not event.lines:
        left = _("{amount} is left to pay.").format(amount=format_money(order.outstanding))
        return _letter(order, _("Part of your order {order} is paid"), describe_event(event)[0], left)
    invoice = site_url(reverse("orders:invoice", args=[order.id]))
    facts = [(_("Paid"), format_money(order.paid)), (_("Invoice"), invoice)]
    text = _("Thank you. Your order is paid, and we are packing it.")
    return _letter(order, _("Your payment for order {order}"), text, facts=facts)


def _declined(event: PaymentDeclined, order: CustomerOrder) -> Letter:
    paragraphs = [describe_event(event)[0]]
    label = ""
    if order.can_pay and order.pay_until:
        label = _("Pay your order")
        stay = _("The goods stay set aside for you until {until}.").format(until=format_datetime(order.pay_until))
        other = _("Pay with another card or in another way on the page of your order.")
        paragraphs.append(f"{stay} {other}")
    return _letter(order, _("Your payment for order {order} failed"), *paragraphs, label=label)


def _shipped(event: OrderShipped, order: CustomerOrder) -> Letter:
    facts = [(_("Carrier"), str(event.carrier))]
    facts += [(_("Tracking number"), str(event.tracking))] if event.tracking else []
    text = _("Your parcel has left our warehouse.")
    return _letter(order, _("Your order {order} is on its way"), text, facts=[*facts, *_destination(order)])


def _cancelled(event: OrderCancelled, order: CustomerOrder) -> Letter:
    back = _("What you paid is given back to you the way it came.")
    money = back if order.paid.amount else _("Nothing was taken.")
    return _letter(order, _("Your order {order} is cancelled"), describe_event(event)[0], money)


def _told(subject: str, *further: str) -> Compose:
    """A letter with the sentence of the order's timeline. The texts are those of the catalogue."""

    def compose(event: Any, order: CustomerOrder) -> Letter:
        return _letter(order, _(subject), describe_event(event)[0], *map(_, further))

    return compose


def _received(event: ItemsReturned, order: CustomerOrder) -> Letter:
    text = _("We received {items} of your return {reference}. We are checking what we owe you.")
    subject = _("Your return {reference} has arrived").format(reference=event.reference)
    return _letter(order, subject, text.format(items=count_items(event.lines), reference=event.reference))


def _refunded(event: PaymentRefunded, order: CustomerOrder) -> Letter:
    text = _("It goes back the way it was paid. Banks need up to five working days to show it.")
    subject = _("{amount} back for order {order}").format(amount=format_money(event.amount), order=order.reference)
    return _letter(order, subject, describe_event(event)[0], text)


def _kind(kind: str, label: str, event: type[Any], compose: Compose) -> LetterKind[Any]:
    return LetterKind(kind=kind, label=label, event=event, compose=_of_order(compose))


ORDER_LETTERS: Final = [
    _kind("order-confirmed", "your order was received", OrderCreated, _confirm),
    _kind("payment-received", "your payment was received", PaymentProcessed, _paid),
    _kind("payment-failed", "your payment failed", PaymentDeclined, _declined),
    _kind("order-shipped", "your order was shipped", OrderShipped, _shipped),
    _kind(
        "order-delivered",
        "your order was delivered",
        OrderDelivered,
        _told(
            gettext_noop("Your order {order} was delivered"),
            gettext_noop("If something is wrong with it, you can return it on its page."),
        ),
    ),
    _kind("order-cancelled", "your order was cancelled", OrderCancelled, _cancelled),
    _kind(
        "return-requested",
        "you asked for a return",
        ReturnRequested,
        _told(
            gettext_noop("Your return for order {order}"),
            gettext_noop("We look at it and write to you again. Please keep the items until then."),
        ),
    ),
    _kind(
        "return-accepted",
        "your return was accepted",
        ReturnAccepted,
        _told(
            gettext_noop("Please send your return for order {order}"),
            gettext_noop("You get your money back when the items have arrived."),
        ),
    ),
    _kind(
        "return-declined",
        "your return was declined",
        ReturnDeclined,
        _told(gettext_noop("Your return for order {order}")),
    ),
    _kind("return-received", "your return has arrived", ItemsReturned, _received),
    _kind("refunded", "your money was given back", PaymentRefunded, _refunded),
]
