"""The commands of an order, as resources: an order is placed, and what is done to it is posted beneath it."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Final
from uuid import UUID

import msgspec
from django.urls import reverse
from msgspec import Struct
from rest_framework.request import Request
from rest_framework.response import Response

from eventshop.core.messages import Name, Text
from eventshop.eventstore.event_store import store
from eventshop.web.api import idempotency, request_parsing
from eventshop.web.api.aggregate_action import Action, is_owner
from eventshop.web.api.base_view import ApiView, signed_in
from eventshop.web.api.command_endpoint import answer
from eventshop.web.api.event_feed_views import StreamEvents
from eventshop.web.shared import customer_port
from eventshop.web.shared.errors import NotAllowed, NotFound
from orders.application.place_order import NewOrder, place
from orders.domain.commands import (
    CancelOrder,
    DeliverOrder,
    OrderCommand,
    RequestPayment,
    ReturnItems,
    ReturnLine,
    ShipOrder,
)
from orders.domain.order import Order

WRITE: Final = {"POST": "orders:write"}


class PlaceOrder(ApiView):
    """Orders."""

    scopes: ClassVar[dict[str, str]] = WRITE
    body: ClassVar[type[Struct]] = NewOrder
    status = 201
    needs_version = False

    def post(self, request: Request) -> Response:
        """Place an order, at the prices you were shown.

        Nothing is paid yet: post to its `payments`. Other prices than today's are refused as `price-changed`.
        """
        command_id, person = idempotency.command_id(request), customer_port.registered().person_of(signed_in(request))
        if person is None:
            raise NotAllowed("Only customers order; this login is nobody's yet")
        asked = request_parsing.read(request, NewOrder)
        with idempotency.alone(command_id):
            receipt = place(asked, person=person, command_id=command_id)
        return answer(request, receipt, status=201, location=reverse("api-order", args=[receipt.aggregate_id]))


class Payment(Struct, frozen=True, forbid_unknown_fields=True):
    """How to pay."""

    example: ClassVar[dict[str, Any]] = {"method": "card"}

    method: Name = "card"


class Shipment(Struct, frozen=True, forbid_unknown_fields=True):
    """Who carries the parcel, and under which number."""

    example: ClassVar[dict[str, Any]] = {"carrier": "Royal Mail", "tracking": "RM1"}

    carrier: Name
    tracking: Text = ""


class Delivery(Struct, frozen=True, forbid_unknown_fields=True):
    """Who took the parcel in."""

    example: ClassVar[dict[str, Any]] = {"received_by": "Ada Marker"}

    received_by: Text = ""


class Cancellation(Struct, frozen=True, forbid_unknown_fields=True):
    """Why it is cancelled."""

    example: ClassVar[dict[str, Any]] = {"reason": "I changed my mind"}

    reason: Name


class Return(Struct, frozen=True, forbid_unknown_fields=True):
    """Which pieces come back, and why."""

    example: ClassVar[dict[str, Any]] = {"lines": [{"line": 1, "quantity": 1}], "reason": "chipped"}

    lines: Annotated[tuple[ReturnLine, ...], msgspec.Meta(min_length=1, max_length=1_500)]
    reason: Name


class OrderAction(Action):
    """Something done to an order."""

    scopes: ClassVar[dict[str, str]] = WRITE
    seen_with = "projections.view_ordersummary"
    shown_at = "api-order"

    def post(self, request: Request, order_id: UUID) -> Response:
        return self.act(request, order_id)

    def owner_of(self, aggregate_id: UUID) -> UUID | None:
        order = order_of(aggregate_id)
        if order is None:
            raise NotFound
        return order.customer_id


class Payments(OrderAction):
    """Ask for the payment of an order. The gateway decides; the order tells what became of it."""

    body = Payment
    status = 202

    def command(self, order_id: UUID, asked: Payment, command_id: UUID) -> OrderCommand:
        return RequestPayment(order_id, asked.method)


class Shipments(OrderAction):
    """Hand a paid order's parcel to a carrier."""

    body = Shipment
    owner = False
    permission = "projections.ship_order"

    def command(self, order_id: UUID, asked: Shipment, command_id: UUID) -> OrderCommand:
        return ShipOrder(order_id, asked.carrier, asked.tracking)


class Deliveries(OrderAction):
    """Say that a parcel has arrived."""

    body = Delivery
    owner = False
    permission = "projections.deliver_order"

    def command(self, order_id: UUID, asked: Delivery, command_id: UUID) -> OrderCommand:
        return DeliverOrder(order_id, asked.received_by)


class Cancellations(OrderAction):
    """Cancel an order that has not been shipped."""

    body = Cancellation
    permission = "projections.cancel_order"

    def command(self, order_id: UUID, asked: Cancellation, command_id: UUID) -> OrderCommand:
        return CancelOrder(order_id, asked.reason)


class Returns(OrderAction):
    """Send pieces of an order back."""

    body = Return
    permission = "projections.refund_order"
    status = 201

    def command(self, order_id: UUID, asked: Return, command_id: UUID) -> OrderCommand:
        return ReturnItems(order_id, f"R-{command_id.hex[-10:].upper()}", asked.lines, asked.reason)


class OrderEvents(StreamEvents):
    """What happened to an order, event by event: for its customer, and for staff who may read events."""

    def in_clear(self, request: Request, aggregate_id: UUID) -> bool:
        order = order_of(aggregate_id)
        if order is not None and is_owner(request, order.customer_id):
            return True
        if order is None or not signed_in(request).has_perm("projections.view_ordersummary"):
            raise NotFound
        return super().in_clear(request, aggregate_id)


def order_of(order_id: UUID) -> Order | None:
    """The order as its events have it now; None where there is none."""
    history = store.get_events(order_id)
    if not history or history[0].meta.aggregate_type != Order.__name__:
        return None
    return Order().evolve_all(recorded.event for recorded in history)
