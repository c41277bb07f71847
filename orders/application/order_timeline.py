"""An order's events and states in the customer's words."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Final, assert_never

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext

from eventshop.core.currencies import DECIMALS
from eventshop.core.money import Money
from eventshop.formats.numbers import has_decimal_comma, localise_digits
from orders.domain.events import (
    CreditNoteIssued,
    CreditNoteReversed,
    ItemsReturned,
    LineAmount,
    LinesAdded,
    OrderCancelled,
    OrderCreated,
    OrderDelivered,
    OrderEvent,
    OrderShipped,
    PaymentAuthorised,
    PaymentDeclined,
    PaymentProcessed,
    PaymentRefunded,
    PaymentRequested,
    PaymentVoided,
    RefundRequested,
    ReturnAccepted,
    ReturnDeclined,
    ReturnRequested,
    ReturnReversed,
    ReturnWindowClosed,
    RuleBroken,
)
from orders.domain.order_status import Status
from orders.domain.payments import PaymentStateName

#: The customer's words for each status, and the colour of its badge.
STATUS_LABELS: Final = {
    Status.CREATED: ("Waiting for your payment", "warn"),
    Status.PAID: ("Paid, being packed", "info"),
    Status.SHIPPED: ("On its way", "info"),
    Status.DELIVERED: ("Delivered", "good"),
    Status.CANCELLED: ("Cancelled", "bad"),
    Status.CREDITED: ("Credit note", "good"),
    Status.REVERSED: ("Credit note, void", "bad"),
    Status.PENDING: ("Being processed", "info"),
}
#: Of an order that waits for its payment.
PAYMENT_LABELS: Final = {
    PaymentStateName.PARTLY_PAID: ("Paid in part", "warn"),
    PaymentStateName.AUTHORISED: ("Payment authorised, being packed", "info"),
}
#: Means of payment in a sentence; others, such as the local gateway's test cards, are quoted.
METHOD_NAMES: Final = {
    "card": gettext_noop("card"),
    "voucher": gettext_noop("gift voucher"),
    "bank_transfer": gettext_noop("bank transfer"),
    "paypal": "PayPal",
    "invoice": gettext_noop("invoice"),
    "cash": gettext_noop("cash"),
}
_SIGNS: Final = {"GBP": "£", "EUR": "€", "USD": "$"}


def status_label(status: Status, payment_state: PaymentStateName) -> tuple[str, str]:
    """An order's state in the customer's words, and the colour of its badge."""
    if status is Status.CREATED and payment_state in PAYMENT_LABELS:
        return PAYMENT_LABELS[payment_state]
    return STATUS_LABELS[status]


def describe_event(event: OrderEvent) -> tuple[str, str]:
    """A sentence for the customer, in the active language, and its tone: `done`, `bad` or empty."""
    match event:
        case OrderCreated(total=due):
            return _("You ordered for {amount}.").format(amount=format_money(due)), "done"
        case OrderShipped(carrier=carrier, service=service, tracking=tracking):
            number = _(", tracking number {tracking}.").format(tracking=tracking) if tracking else "."
            by = f"{carrier} {service}".rstrip()
            return _("Your parcel was shipped with {carrier}").format(carrier=by) + number, "done"
        case OrderDelivered(received_by=receiver):
            if receiver:
                return _("Your parcel was delivered to {receiver}.").format(receiver=receiver), "done"
            return _("Your parcel was delivered."), "done"
        case OrderCancelled(reason=reason):
            return _("The order was cancelled: {reason}.").format(reason=reason), "bad"
        case CreditNoteIssued(total=amount, reason=reason):
            return _("We credited {amount}: {reason}.").format(amount=format_money(amount), reason=reason), "done"
        case CreditNoteReversed(total=amount):
            return _("The credit note of {amount} is void.").format(amount=format_money(amount)), "bad"
        case LinesAdded(total=amount):
            return _("Items for {amount} were added to the order.").format(amount=format_money(amount)), "done"
        case ReturnReversed(lines=lines):
            text = _("The return of {items} was recorded by mistake, and is void.")
            return text.format(items=count_items(lines)), "bad"
        case RuleBroken(detail=detail):
            return _("We are checking this order: {detail}.").format(detail=detail), ""
        case ReturnRequested() | ReturnAccepted() | ReturnDeclined() | ItemsReturned() | ReturnWindowClosed():
            return _describe_return(event)
        case _:
            return _describe_payment(event)


def _describe_payment(
    event: PaymentRequested
    | PaymentAuthorised
    | PaymentProcessed
    | PaymentDeclined
    | PaymentVoided
    | RefundRequested
    | PaymentRefunded,
) -> tuple[str, str]:
    amount = format_money(event.amount)
    match event:
        case PaymentRequested(method=method):
            return _("You chose to pay {amount} by {method}.").format(amount=amount, method=method_name(method)), ""
        case PaymentAuthorised(method=method):
            text = _("{amount} is authorised by {method}. We take it when we ship.")
            return text.format(amount=amount, method=method_name(method)), "done"
        case PaymentProcessed(method=method, observed=observed):
            text = (
                _("A payment was recorded: {amount} by {method}.") if observed else _("You paid {amount} by {method}.")
            )
            return text.format(amount=amount, method=method_name(method)), "done"
        case PaymentDeclined(method="", reason=reason):
            text = _("Your payment of {amount} was declined: {reason}. Nothing was taken.")
            return text.format(amount=amount, reason=reason), "bad"
        case PaymentDeclined(method=method, reason=reason):
            text = _("Your payment of {amount} by {method} was declined: {reason}. Nothing was taken.")
            return text.format(amount=amount, method=method_name(method), reason=reason), "bad"
        case PaymentVoided():
            return _("The authorisation of {amount} was released. Nothing was taken.").format(amount=amount), "done"
        case RefundRequested():
            return _("We are giving you {amount} back.").format(amount=amount), ""
        case PaymentRefunded(refunded_at=None, observed=False):  # an earlier release wrote it when it asked for it
            return _("We are refunding {amount}.").format(amount=amount), "done"
        case PaymentRefunded():
            return _("We gave you {amount} back.").format(amount=amount), "done"
        case _:
            assert_never(event)


def _describe_return(
    event: ReturnRequested | ReturnAccepted | ReturnDeclined | ItemsReturned | ReturnWindowClosed,
) -> tuple[str, str]:
    match event:
        case ReturnRequested(lines=lines, reason=reason, requested_by=requested_by):
            asked = _("You asked to return {items}: {reason}.")
            text = asked if requested_by == "customer" else _("We noted that you want to return {items}: {reason}.")
            return text.format(items=count_items(lines), reason=reason), ""
        case ReturnAccepted(reference=reference):
            text = _("We accepted your return {reference}. Please send the items to us.")
            return text.format(reference=reference), "done"
        case ReturnDeclined(reference=reference, reason=reason):
            text = _("We declined your return {reference}: {reason}.")
            return text.format(reference=reference, reason=reason), "bad"
        case ItemsReturned(lines=lines, damaged=damaged):
            text = (
                _("We received {items} back, {damaged} of them damaged.") if damaged else _("We received {items} back.")
            )
            number = sum(line.quantity for line in damaged)
            return text.format(items=count_items(lines), damaged=number), "done"
        case ReturnWindowClosed():
            return _("The time in which items can be returned has ended."), ""
        case _:
            assert_never(event)


def method_name(method: str) -> str:
    """A means of payment in a sentence."""
    return _(METHOD_NAMES[method]) if method in METHOD_NAMES else f"“{method}”"


def count_items(lines: Iterable[LineAmount]) -> str:
    """The number of units: `1 item`, `2 items`."""
    quantity = sum(line.quantity for line in lines)
    return ngettext("{quantity} item", "{quantity} items", quantity).format(quantity=quantity)


def format_money(amount: Money) -> str:
    """An amount for people, with the decimals of its currency: £9.00, -£2.50, 500 JPY, and £1.125 for a price."""
    minor = amount.amount.quantize(Decimal(1).scaleb(-DECIMALS.get(amount.currency, 2)))
    value = minor if minor == amount.amount else amount.amount.normalize()
    if amount.currency not in _SIGNS:
        return f"{localise_digits(f'{value:,}')} {amount.currency}"
    if has_decimal_comma():
        return f"{localise_digits(f'{value:,}')} {_SIGNS[amount.currency]}"
    return f"{'-' if value < 0 else ''}{_SIGNS[amount.currency]}{abs(value):,}"
