"""What an order decides about its parcel and its cancellation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orders.domain import payment_decisions
from orders.domain.carriers import carrier_and_service
from orders.domain.errors import NothingToShip
from orders.domain.events import OrderCancelled, OrderShipped

if TYPE_CHECKING:
    from orders.domain.commands import CancelOrder, ShipOrder
    from orders.domain.events import OrderEvent
    from orders.domain.order import Order


def is_shipped_so(order: Order, command: ShipOrder) -> bool:
    """Whether it was shipped with this carrier and tracking number."""
    return order.shipped_with == (*carrier_and_service(command.carrier), command.tracking)


def order_shipped(order: Order, command: ShipOrder) -> OrderShipped:
    """Ship what is kept of the order; raises `NothingToShip`."""
    if not order.lines_kept:
        raise NothingToShip(order=order.reference)
    carrier, service = carrier_and_service(command.carrier)
    return OrderShipped(command.order_id, order.customer_id, carrier, command.tracking, service)


def cancel_order(order: Order, command: CancelOrder) -> list[OrderEvent]:
    """Cancel the order and give back what was paid."""
    cancelled = OrderCancelled(
        order_id=command.order_id,
        reference=order.reference,
        customer_id=order.customer_id,
        reason=command.reason,
        lines=order.lines_kept if order.is_sold else (),
    )
    return [cancelled, *payment_decisions.refund_everything(order, "order cancelled")]
