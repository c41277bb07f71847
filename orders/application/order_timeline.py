"""An order's events and states in the customer's words."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Final, assert_never

from eventshop.core.currencies import DECIMALS
from eventshop.core.money import Money
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
    "card": "card",
    "voucher": "gift voucher",
    "bank_transfer": "bank transfer",
    "paypal": "PayPal",
    "invoice": "invoice",
    "cash": "cash",
}
_SIGNS: Final = {"GBP": "£", "EUR": "€", "USD": "$"}


def status_label(status: Status, payment_state: PaymentStateName) -> tuple[str, str]:
    """An order's state in the customer's words, and the colour of its badge."""
    if status is Status.CREATED and payment_state in PAYMENT_LABELS:
        return PAYMENT_LABELS[payment_state]
    return STATUS_LABELS[status]


def describe_event(event: OrderEvent) -> tuple[str, str]:
    """A sentence for the customer, and its tone: `done`, `bad` or empty."""
    match event:
        case OrderCreated(total=due):
            return f"You ordered for {format_money(due)}.", "done"
        case OrderShipped(carrier=carrier, service=service, tracking=tracking):
            number = f", tracking number {tracking}." if tracking else "."
            return f"Your parcel was shipped with {carrier} {service}".rstrip() + number, "done"
        case OrderDelivered(received_by=receiver):
            return "Your parcel was delivered" + (f" to {receiver}." if receiver else "."), "done"
        case OrderCancelled(reason=reason):
            return f"The order was cancelled: {reason}.", "bad"
        case CreditNoteIssued(total=amount, reason=reason):
            return f"We credited {format_money(amount)}: {reason}.", "done"
        case CreditNoteReversed(total=amount):
            return f"The credit note of {format_money(amount)} is void.", "bad"
        case LinesAdded(total=amount):
            return f"Items for {format_money(amount)} were added to the order.", "done"
        case ReturnReversed(lines=lines):
            return f"The return of {count_items(lines)} was recorded by mistake, and is void.", "bad"
        case RuleBroken(detail=detail):
            return f"We are checking this order: {detail}.", ""
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
            return f"You chose to pay {amount} by {method_name(method)}.", ""
        case PaymentAuthorised(method=method):
            return f"{amount} is authorised by {method_name(method)}. We take it when we ship.", "done"
        case PaymentProcessed(method=method, observed=observed):
            payer = "A payment was recorded:" if observed else "You paid"
            return f"{payer} {amount} by {method_name(method)}.", "done"
        case PaymentDeclined(method=method, reason=reason):
            by = f" by {method_name(method)}" if method else ""
            return f"Your payment of {amount}{by} was declined: {reason}. Nothing was taken.", "bad"
        case PaymentVoided():
            return f"The authorisation of {amount} was released. Nothing was taken.", "done"
        case RefundRequested():
            return f"We are giving you {amount} back.", ""
        case PaymentRefunded(refunded_at=None, observed=False):  # an earlier release wrote it when it asked for it
            return f"We are refunding {amount}.", "done"
        case PaymentRefunded():
            return f"We gave you {amount} back.", "done"
        case _:
            assert_never(event)


def _describe_return(
    event: ReturnRequested | ReturnAccepted | ReturnDeclined | ItemsReturned | ReturnWindowClosed,
) -> tuple[str, str]:
    match event:
        case ReturnRequested(lines=lines, reason=reason, requested_by=requested_by):
            asked = "You asked" if requested_by == "customer" else "We noted that you want"
            return f"{asked} to return {count_items(lines)}: {reason}.", ""
        case ReturnAccepted(reference=reference):
            return f"We accepted your return {reference}. Please send the items to us.", "done"
        case ReturnDeclined(reference=reference, reason=reason):
            return f"We declined your return {reference}: {reason}.", "bad"
        case ItemsReturned(lines=lines, damaged=damaged):
            condition = f", {sum(line.quantity for line in damaged)} of them damaged" if damaged else ""
            return f"We received {count_items(lines)} back{condition}.", "done"
        case ReturnWindowClosed():
            return "The time in which items can be returned has ended.", ""
        case _:
            assert_never(event)


def method_name(method: str) -> str:
    """A means of payment in a sentence."""
    return METHOD_NAMES.get(method, f"“{method}”")


def count_items(lines: Iterable[LineAmount]) -> str:
    """The number of units: `1 item`, `2 items`."""
    quantity = sum(line.quantity for line in lines)
    return f"{quantity} item{'' if quantity == 1 else 's'}"


def format_money(amount: Money) -> str:
    """An amount for people, with the decimals of its currency: £9.00, -£2.50, 500 JPY, and £1.125 for a price."""
    minor = amount.amount.quantize(Decimal(1).scaleb(-DECIMALS.get(amount.currency, 2)))
    value = minor if minor == amount.amount else amount.amount.normalize()
    if amount.currency not in _SIGNS:
        return f"{value:,} {amount.currency}"
    return f"{'-' if value < 0 else ''}{_SIGNS[amount.currency]}{abs(value):,}"
