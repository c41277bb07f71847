"""What an order decides about returns: asked for, accepted or declined, received."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from orders.domain.errors import (
    NothingToReturn,
    ReturnReferenceTaken,
    TooLateToReturn,
    TooManyReturned,
    UnknownLine,
    UnknownReturn,
)
from orders.domain.order_line import OrderLineState
from orders.domain.order_values import LineAmount
from orders.domain.payment_decisions import refund_returns
from orders.domain.return_commands import AcceptReturn, DeclineReturn, ReceiveReturn, RequestReturn
from orders.domain.return_events import ItemsReturned, ReturnAccepted, ReturnDeclined, ReturnRequested
from orders.domain.return_state import ReturnState, find_return

if TYPE_CHECKING:
    from orders.domain.events import OrderEvent
    from orders.domain.order import Order


def request_return(order: Order, command: RequestReturn) -> list[OrderEvent]:
    """Ask to return goods that the customer has, and has not asked to return before."""
    asked = {line.line: line.quantity for line in command.lines}
    if earlier := find_return(order.returns, command.reference):
        if earlier.asked == asked and earlier.status != "declined":
            return []
        raise ReturnReferenceTaken(reference=command.reference)
    if order.is_return_window_closed:
        raise TooLateToReturn(order=order.reference)
    if not any(line.quantity_left for line in order.lines if line.kind == "product"):
        raise NothingToReturn(order=order.reference)
    return [
        ReturnRequested(
            order_id=command.order_id,
            reference=command.reference,
            customer_id=order.customer_id,
            lines=tuple(_asked_amount(order, number, quantity) for number, quantity in asked.items()),
            reason=command.reason,
            requested_by=command.requested_by,
        )
    ]


def accept_return(order: Order, command: AcceptReturn) -> list[OrderEvent]:
    """Accept a return that was asked for; raises `UnknownReturn`."""
    if _known_return(order, command.reference, "requested", "accepted").status == "accepted":
        return []
    return [ReturnAccepted(command.order_id, command.reference, order.customer_id)]


def decline_return(order: Order, command: DeclineReturn) -> list[OrderEvent]:
    """Decline a return that was asked for; raises `UnknownReturn`."""
    if _known_return(order, command.reference, "requested", "declined").status == "declined":
        return []
    return [ReturnDeclined(command.order_id, command.reference, order.customer_id, command.reason)]


def receive_return(order: Order, command: ReceiveReturn) -> list[OrderEvent]:
    """Record goods of an accepted return, and request the refund of their price.

    Raises `UnknownReturn`, and `TooManyReturned` for more than was asked for.
    """
    known = _known_return(order, command.reference, "accepted")
    received, damaged = dict[int, int](), dict[int, int]()
    for line in command.lines:
        received[line.line] = received.get(line.line, 0) + line.quantity
        if line.condition == "damaged":
            damaged[line.line] = damaged.get(line.line, 0) + line.quantity
    for number, quantity in received.items():
        if quantity > known.left(number):
            raise TooManyReturned(line=number, received=quantity, left=known.left(number))
    returned = ItemsReturned(
        order_id=command.order_id,
        reference=command.reference,
        customer_id=order.customer_id,
        lines=line_amounts(order, received),
        reason="returned to the shop",
        damaged=line_amounts(order, damaged),
    )
    return [returned, *refund_returns(order.evolve(returned), command.reference)]


def line_amounts(order: Order, quantities: Mapping[int, int]) -> tuple[LineAmount, ...]:
    """These units of lines and their prices; raises `UnknownLine`."""
    return tuple(known_line(order, number).amount_of(quantity) for number, quantity in quantities.items())


def known_line(order: Order, number: int) -> OrderLineState:
    """The product line with this number; raises `UnknownLine`."""
    if number > len(order.lines):
        raise UnknownLine(line=number, lines=len(order.lines))
    line = order.lines[number - 1]
    if line.kind != "product":
        raise UnknownLine(f"line {number} is {line.kind}; only products can be returned", line=number)
    return line


def returnable_quantity(order: Order, line: OrderLineState) -> int:
    """The units of a line that the customer has and has not asked to return."""
    return line.quantity_left - sum(old.left(line.line) for old in order.returns)


def _asked_amount(order: Order, number: int, quantity: int) -> LineAmount:
    line = known_line(order, number)
    left = returnable_quantity(order, line)
    if quantity > left:
        raise TooManyReturned(line=number, sku=line.sku, requested=quantity, left=max(0, left))
    return line.amount_of(quantity)


def _known_return(order: Order, reference: str, *statuses: str) -> ReturnState:
    """The return with this reference that was asked for and has one of these states; raises `UnknownReturn`."""
    known = find_return(order.returns, reference)
    if known is None or not known.asked or known.status not in statuses:
        raise UnknownReturn(reference=reference, status="unknown" if known is None else known.status)
    return known
