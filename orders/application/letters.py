"""The letters about orders: what happened, what it means for the customer, and where to go on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from django.urls import reverse

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

BECAUSE: Final = "You get this letter because it is about your order. It is no advertisement."
Compose = Callable[[Any, CustomerOrder], Letter | None]


def _of_order(compose: Compose) -> Callable[[Any, Meta], Letter | None]:
    """Give the composing function the order as it is now."""

    def letter(event: Any, meta: Meta) -> Letter | None:
        order = load_any_order(meta.aggregate_id)
        return None if order is None else compose(event, order)

    return letter


def _letter(order: CustomerOrder, subject: str, *paragraphs: str, label: str = "See your order", **more: Any) -> Letter:
    url = site_url(reverse("orders:order", args=[order.id]))
    return Letter(subject, paragraphs, action=Action(label, url), because=BECAUSE, **more)


def _rows(order: CustomerOrder) -> list[tuple[str, str, str]]:
    lines = ((line.description or line.sku, f"{line.quantity} ×", format_money(line.amount)) for line in order.lines)
    return [*lines, ("Total", "", format_money(order.state.total))]


def _confirm(event: OrderCreated, order: CustomerOrder) -> Letter:
    until = order.pay_until
    pay = f"It waits for your payment until {format_datetime(until)}." if until and order.can_pay else ""
    paragraphs = ("Thank you. We have your order, and set the goods aside for you.", pay)
    facts = [("Order", event.reference), ("Ordered", format_datetime(order.ordered_at))]
    if order.destination:
        facts.append(("Delivery to", order.destination))
    return _letter(
        order, f"Your order {event.reference}", *filter(None, paragraphs), rows=_rows(order), facts=facts,
        after=("Questions? Answer this letter and name the order.",),
    )  # fmt: skip


def _paid(event: PaymentProcessed, order: CustomerOrder) -> Letter | None:
    if not event.lines:
        return _letter(order, f"Part of your order {order.reference} is paid", describe_event(event)[0],
                       f"{format_money(order.outstanding)} is left to pay.")  # fmt: skip
    facts = [("Paid", format_money(order.paid)), ("Invoice", site_url(reverse("orders:invoice", args=[order.id])))]
    text = "Thank you. Your order is paid, and we are packing it."
    return _letter(order, f"Your payment for order {order.reference}", text, facts=facts)


def _declined(event: PaymentDeclined, order: CustomerOrder) -> Letter:
    paragraphs = [describe_event(event)[0]]
    label = "See your order"
    if order.can_pay and order.pay_until:
        label = "Pay your order"
        paragraphs.append(
            f"The goods stay set aside for you until {format_datetime(order.pay_until)}. "
            "Pay with another card or in another way on the page of your order."
        )
    return _letter(order, f"Your payment for order {order.reference} failed", *paragraphs, label=label)


def _shipped(event: OrderShipped, order: CustomerOrder) -> Letter:
    facts = [("Carrier", str(event.carrier))]
    facts += [("Tracking number", str(event.tracking))] if event.tracking else []
    facts += [("Delivery to", order.destination)] if order.destination else []
    return _letter(
        order, f"Your order {order.reference} is on its way", "Your parcel has left our warehouse.", facts=facts
    )


def _cancelled(event: OrderCancelled, order: CustomerOrder) -> Letter:
    money = "What you paid is given back to you the way it came." if order.paid.amount else "Nothing was taken."
    return _letter(order, f"Your order {order.reference} is cancelled", describe_event(event)[0], money)


def _told(subject: str, *further: str) -> Compose:
    """A letter with the sentence of the order's timeline."""

    def compose(event: Any, order: CustomerOrder) -> Letter:
        return _letter(order, subject.format(order=order.reference), describe_event(event)[0], *further)

    return compose


def _received(event: ItemsReturned, order: CustomerOrder) -> Letter:
    text = f"We received {count_items(event.lines)} of your return {event.reference}. We are checking what we owe you."
    return _letter(order, f"Your return {event.reference} has arrived", text)


def _refunded(event: PaymentRefunded, order: CustomerOrder) -> Letter:
    text = "It goes back the way it was paid. Banks need up to five working days to show it."
    return _letter(
        order, f"{format_money(event.amount)} back for order {order.reference}", describe_event(event)[0], text
    )


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
        _told("Your order {order} was delivered", "If something is wrong with it, you can return it on its page."),
    ),
    _kind("order-cancelled", "your order was cancelled", OrderCancelled, _cancelled),
    _kind(
        "return-requested",
        "you asked for a return",
        ReturnRequested,
        _told(
            "Your return for order {order}", "We look at it and write to you again. Please keep the items until then."
        ),
    ),
    _kind(
        "return-accepted",
        "your return was accepted",
        ReturnAccepted,
        _told("Please send your return for order {order}", "You get your money back when the items have arrived."),
    ),
    _kind("return-declined", "your return was declined", ReturnDeclined, _told("Your return for order {order}")),
    _kind("return-received", "your return has arrived", ItemsReturned, _received),
    _kind("refunded", "your money was given back", PaymentRefunded, _refunded),
]
