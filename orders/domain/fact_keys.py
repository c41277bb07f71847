"""What tells an observed fact from the others of its order."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from eventshop.core.money import Money
from orders.domain.events import ItemsReturned, OrderDelivered, OrderShipped, PaymentProcessed, PaymentRefunded
from orders.domain.order_values import LineAmount

if TYPE_CHECKING:
    from orders.domain.events import OrderEvent


def key_of(event: OrderEvent) -> str:
    """The key of an observed fact; empty for a decided event, and for a correction."""
    match event:
        case PaymentProcessed(observed=True):
            return f"payment {event.payment_id}"
        case OrderShipped(observed=True):
            return f"shipment {event.carrier} {event.service} {event.tracking}"
        case OrderDelivered(observed=True):
            return "delivery"
        case ItemsReturned(observed=True):
            return return_key(event.reference, event.lines)
        case PaymentRefunded(observed=True):
            return refund_key(event.reference, event.amount)
        case _:
            return ""


def return_key(reference: str, lines: Iterable[LineAmount]) -> str:
    return f"return {reference} {','.join(f'{line.line}x{line.quantity}' for line in lines)}"


def refund_key(reference: str, amount: Money) -> str:
    return f"refund {reference} {amount}"
