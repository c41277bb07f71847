"""The commands of an order, as resources: an order is placed, and what is done to it is posted beneath it."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Final
from uuid import UUID

import msgspec
from django.urls import reverse
from msgspec import Struct
from rest_framework.request import Request
from rest_framework.response import Response

from eventshop.core.messages import NonEmptyText, Text
from eventshop.eventstore.event_store import store
from eventshop.web.api import idempotency, request_parsing
from eventshop.web.api.aggregate_action import AggregateAction, is_owner
from eventshop.web.api.base_view import ApiView, require_login
from eventshop.web.api.command_endpoint import receipt_response
from eventshop.web.api.event_feed_views import StreamEvents
from eventshop.web.shared import customer_port
from eventshop.web.shared.errors import NotAllowed, NotFound
from orders.application.place_order import NewOrder, place_order
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

WRITE_SCOPE: Final = {"POST": "orders:write"}


class PlaceOrder(ApiView):
    """Orders."""

    scopes: ClassVar[dict[str, str]] = WRITE_SCOPE
    body: ClassVar[type[Struct]] = NewOrder
    status = 201
    needs_version = False

    def post(self, request: Request) -> Response:
        """Place an order, at the prices you were shown.

        Nothing is paid yet: post to its `payments`. Other prices than today's are refused as `price-changed`.
        """
        command_id, person = idempotency.command_id_from(request), customer_port.current_adapter().person_of(require_login(request))
        if person is None:
            raise NotAllowed("Only customers order; this login is nobody's yet")
        new_order = request_parsing.parse_body(request, NewOrder)
        with idempotency.command_lock(command_id):
            receipt = place_order(new_order, person=person, command_id=command_id)
        return receipt_response(request, receipt, status=201, location=reverse("api-order", args=[receipt.aggregate_id]))


class PaymentMethod(Struct, frozen=True, forbid_unknown_fields=True):
    """How to pay."""

    example: ClassVar[dict[str, Any]] = {"method": "card"}

    method: NonEmptyText = "card"


class Shipment(Struct, frozen=True, forbid_unknown_fields=True):
    """Who carries the parcel, and under which number."""

    example: ClassVar[dict[str, Any]] = {"carrier": "Royal Mail", "tracking": "RM1"}

    carrier: NonEmptyText
    tracking: Text = ""


class Delivery(Struct, frozen=True, forbid_unknown_fields=True):
    """Who took the parcel in."""

    example: ClassVar[dict[str, Any]] = {"received_by": "Ada Marker"}

    received_by: Text = ""


class Cancellation(Struct, frozen=True, forbid_unknown_fields=True):
    """Why it is cancelled."""

    example: ClassVar[dict[str, Any]] = {"reason": "I changed my mind"}

    reason: NonEmptyText


class Return(Struct, frozen=True, forbid_unknown_fields=True):
    """Which pieces come back, and why."""

    example: ClassVar[dict[str, Any]] = {"lines": [{"line": 1, "quantity": 1}], "reason": "chipped"}

    lines: Annotated[tuple[ReturnLine, ...], msgspec.Meta(min_length=1, max_length=1_500)]
    reason: NonEmptyText


class OrderAction(AggregateAction):
    """Something done to an order."""

    scopes: ClassVar[dict[str, str]] = WRITE_SCOPE
    view_permission = "projections.view_ordersummary"
    url_name = "api-order"

    def post(self, request: Request, order_id: UUID) -> Response:
        return self.execute(request, order_id)

    def owner_of(self, aggregate_id: UUID) -> UUID | None:
        order = load_order(aggregate_id)
        if order is None:
            raise NotFound
        return order.customer_id


class Payments(OrderAction):
    """Ask for the payment of an order. The gateway decides; the order tells what became of it."""

    body = PaymentMethod
    status = 202

    def build_command(self, order_id: UUID, asked: PaymentMethod, command_id: UUID) -> OrderCommand:
        return RequestPayment(order_id, asked.method)


class Shipments(OrderAction):
    """Hand a paid order's parcel to a carrier."""

    body = Shipment
    owner_allowed = False
    permission = "projections.ship_order"

    def build_command(self, order_id: UUID, asked: Shipment, command_id: UUID) -> OrderCommand:
        return ShipOrder(order_id, asked.carrier, asked.tracking)


class Deliveries(OrderAction):
    """Say that a parcel has arrived."""

    body = Delivery
    owner_allowed = False
    permission = "projections.deliver_order"

    def build_command(self, order_id: UUID, asked: Delivery, command_id: UUID) -> OrderCommand:
        return DeliverOrder(order_id, asked.received_by)


class Cancellations(OrderAction):
    """Cancel an order that has not been shipped."""

    body = Cancellation
    permission = "projections.cancel_order"

    def build_command(self, order_id: UUID, asked: Cancellation, command_id: UUID) -> OrderCommand:
        return CancelOrder(order_id, asked.reason)


class Returns(OrderAction):
    """Send pieces of an order back."""

    body = Return
    permission = "projections.refund_order"
    status = 201

    def build_command(self, order_id: UUID, asked: Return, command_id: UUID) -> OrderCommand:
        return ReturnItems(order_id, f"R-{command_id.hex[-10:].upper()}", asked.lines, asked.reason)


class OrderEvents(StreamEvents):
    """What happened to an order, event by event: for its customer, and for staff who may read events."""

    def shows_personal_data(self, request: Request, aggregate_id: UUID) -> bool:
        order = load_order(aggregate_id)
        if order is not None and is_owner(request, order.customer_id):
            return True
        if order is None or not require_login(request).has_perm("projections.view_ordersummary"):
            raise NotFound
        return super().shows_personal_data(request, aggregate_id)


def load_order(order_id: UUID) -> Order | None:
    """The order as its events have it now; None where there is none."""
    history = store.get_events(order_id)
    if not history or history[0].meta.aggregate_type != Order.__name__:
        return None
    return Order().evolve_all(recorded.event for recorded in history)
