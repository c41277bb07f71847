"""What an order contains besides its own columns: payments, shipments and returns, read from its events."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

from msgspec import Struct

from eventshop.core.messages import Instant
from eventshop.core.money import Money
from eventshop.web.api.resource import Contents, Part
from orders.application.customer_order import CustomerOrder, load_any_order
from orders.domain.events import LineKind, OrderDelivered, OrderShipped
from orders.domain.payments import PaymentStatus

ReturnStatus = Literal["requested", "declined", "accepted", "received"]


class OrderedLine(Struct, frozen=True):
    """One line, counted from 1: a quantity of a product, its price for one unit, and how many units came back."""

    line: int
    kind: LineKind
    sku: str
    description: str
    quantity: int
    price: Money
    returned: int


class OrderPayment(Struct, frozen=True):
    """One payment. `requested` was asked for, `authorised` is set aside, `taken` and `refunded` is what moved.

    `reason` says why it was declined.
    """

    payment_id: UUID
    method: str
    status: PaymentStatus
    requested: Money
    authorised: Money
    taken: Money
    refunded: Money
    reason: str


class OrderShipment(Struct, frozen=True):
    """A parcel: its carrier, its tracking number, and when it left and arrived."""

    carrier: str
    tracking: str
    shipped_at: Instant
    delivered_at: Instant | None


class ReturnedLine(Struct, frozen=True):
    """A quantity of one line of the order; lines are counted from 1."""

    line: int
    quantity: int


class OrderReturn(Struct, frozen=True):
    """One return: what was asked for, what came back, and what was refunded for it."""

    reference: str
    status: ReturnStatus
    reason: str
    decline_reason: str
    requested_at: Instant
    lines: tuple[ReturnedLine, ...]
    received: tuple[ReturnedLine, ...]
    refunds: tuple[Money, ...]


def lines_of(order: CustomerOrder) -> tuple[OrderedLine, ...]:
    """The lines of an order."""
    states = {state.line: state for state in order.state.lines}
    return tuple(
        OrderedLine(
            line=number,
            kind=line.kind,
            sku=line.sku,
            description=line.description,
            quantity=line.quantity,
            price=line.price,
            returned=states[number].returned if number in states else 0,
        )
        for number, line in enumerate(order.lines, start=1)
    )


def payments_of(order: CustomerOrder) -> tuple[OrderPayment, ...]:
    """The payments of an order, the oldest first."""
    reasons = order.decline_reasons
    return tuple(
        OrderPayment(
            payment_id=one.payment_id,
            method=one.method,
            status=one.status,
            requested=one.requested,
            authorised=one.authorised,
            taken=one.taken,
            refunded=one.refunded,
            reason=reasons.get(one.payment_id, ""),
        )
        for one in order.state.payments
    )


def shipments_of(order: CustomerOrder) -> tuple[OrderShipment, ...]:
    """The parcels of an order, the oldest first; a delivery is of the newest one before it."""
    shipments: list[OrderShipment] = []
    for recorded in order.events:
        event, at = recorded.event, recorded.meta.occurred_at
        if isinstance(event, OrderShipped):
            shipments.append(OrderShipment(str(event.carrier), str(event.tracking), at, None))
        elif isinstance(event, OrderDelivered) and shipments:
            newest = shipments.pop()
            shipments.append(OrderShipment(newest.carrier, newest.tracking, newest.shipped_at, at))
    return tuple(shipments)


def returns_of(order: CustomerOrder) -> tuple[OrderReturn, ...]:
    """The returns of an order, in the order in which they were asked for."""
    return tuple(
        OrderReturn(
            reference=case.reference,
            status=_return_status(case.accepted_at, case.declined, case.received),
            reason=case.reason,
            decline_reason=case.declined[1] if case.declined else "",
            requested_at=case.asked_at,
            lines=_lines(case.lines),
            received=_lines(line for _, event in case.received for line in event.lines),
            refunds=tuple(amount for _, amount in case.refunds),
        )
        for case in order.returns
    )


def _return_status(accepted: object, declined: object, received: object) -> ReturnStatus:
    if declined:
        return "declined"
    return "received" if received else "accepted" if accepted else "requested"


def _lines(lines: Iterable[Any]) -> tuple[ReturnedLine, ...]:
    return tuple(ReturnedLine(line.line, line.quantity) for line in lines)


def _load(rows: Sequence[Any], as_of: datetime | None) -> Mapping[Any, CustomerOrder]:
    """The orders of these rows from their events: one statement an order."""
    orders = ((row.pk, load_any_order(row.pk, as_of=as_of)) for row in rows)
    return {key: order for key, order in orders if order}


CONTENTS: Final = Contents(
    _load,
    (
        Part("lines", OrderedLine, lines_of),
        Part("payments", OrderPayment, payments_of),
        Part("shipments", OrderShipment, shipments_of),
        Part("returns", OrderReturn, returns_of),
    ),
)
