"""The REST API of orders: an order is placed, and its commands are resources below it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final
from uuid import UUID

from django.urls import reverse
from msgspec import Struct
from rest_framework.request import Request
from rest_framework.response import Response

from eventshop.core.messages import NonEmptyText, Text
from eventshop.eventstore.event_store import store
from eventshop.operations.rights import Audience, Rights
from eventshop.web.api import idempotency, request_parsing
from eventshop.web.api.aggregate_action import AggregateAction, is_owner, view_permission_for
from eventshop.web.api.base_view import VIEW_EVENTS, ApiView, require_login
from eventshop.web.api.command_endpoint import actor_of, receipt_response
from eventshop.web.api.event_feed_views import StreamEvents
from eventshop.web.shared import customer_port
from eventshop.web.shared.errors import NotAllowed, NotFound
from orders import permissions
from orders.api import url_names
from orders.application.data_uses import after_asking
from orders.application.place_order import NewOrder, place_imported_order, place_order
from orders.domain.commands import CancelOrder, DeliverOrder, OrderCommand, ShipOrder
from orders.domain.order import Order

WRITE_SCOPE: Final = {"POST": "orders:write"}


class PlaceOrder(ApiView):
    """Orders."""

    scopes: ClassVar[dict[str, str]] = WRITE_SCOPE
    rights: ClassVar[Mapping[str, Rights]] = {"POST": Rights(Audience.CUSTOMERS, (permissions.IMPORT_FACTS,))}
    body: ClassVar[type[Struct]] = NewOrder
    status = 201
    needs_version = False

    def post(self, request: Request) -> Response:
        """Place an order at the prices that you were shown.

        It is not paid yet: post to its `payments` before its deadline. Prices other than the current ones are refused
        as `price-changed`. Only those who may import facts can send `external_ids`, a customer, a reference of their
        own, and lines that are no products; such an order has the prices that it names.
        """
        command_id, login = idempotency.command_id_from(request), require_login(request)
        person = customer_port.current_adapter().person_of(login)
        new_order = request_parsing.parse_body(request, NewOrder)
        if (person is None or new_order.is_import) and not login.has_perm(permissions.IMPORT_FACTS):
            raise NotAllowed(
                "only customers can place orders, of products at the current prices; this account is not linked to a "
                "customer, or the order has fields that need the permission to import facts"
            )
        with idempotency.command_lock(command_id):
            if person is None or new_order.is_import:
                receipt = place_imported_order(new_order, actor=actor_of(login), command_id=command_id)
            else:
                receipt = place_order(new_order, person=person, command_id=command_id)
        return receipt_response(
            request, receipt, status=201, location=reverse(url_names.ORDER, args=[receipt.aggregate_id])
        )


class Shipment(Struct, frozen=True, forbid_unknown_fields=True):
    """The carrier of the parcel, and the tracking number."""

    example: ClassVar[dict[str, Any]] = {"carrier": "Royal Mail", "tracking": "RM1"}

    carrier: NonEmptyText
    tracking: Text = ""


class Delivery(Struct, frozen=True, forbid_unknown_fields=True):
    """The person who accepted the parcel."""

    example: ClassVar[dict[str, Any]] = {"received_by": "Ada Marker"}

    received_by: Text = ""


class Cancellation(Struct, frozen=True, forbid_unknown_fields=True):
    """The reason of the cancellation."""

    example: ClassVar[dict[str, Any]] = {"reason": "I changed my mind"}

    reason: NonEmptyText


class OrderAction(AggregateAction):
    """A command for an order."""

    scopes: ClassVar[dict[str, str]] = WRITE_SCOPE
    aggregate = Order
    url_name = url_names.ORDER

    def post(self, request: Request, order_id: UUID) -> Response:
        return self.execute(request, order_id)

    def owner_of(self, aggregate_id: UUID) -> UUID | None:
        order = load_order(aggregate_id)
        if order is None:
            raise NotFound
        return order.customer_id


class Shipments(OrderAction):
    """Hand the parcel of a paid or authorised order to a carrier."""

    body = Shipment
    owner_allowed = False
    permission = permissions.SHIP_ORDER

    def build_command(self, order_id: UUID, body: Shipment, command_id: UUID) -> OrderCommand:
        return after_asking(load_order(order_id) or Order(), ShipOrder(order_id, body.carrier, body.tracking))


class Deliveries(OrderAction):
    """Record that a parcel was delivered."""

    body = Delivery
    owner_allowed = False
    permission = permissions.DELIVER_ORDER

    def build_command(self, order_id: UUID, body: Delivery, command_id: UUID) -> OrderCommand:
        return DeliverOrder(order_id, body.received_by)


class Cancellations(OrderAction):
    """Cancel an order that has not been shipped. What was paid is refunded."""

    body = Cancellation
    permission = permissions.CANCEL_ORDER

    def build_command(self, order_id: UUID, body: Cancellation, command_id: UUID) -> OrderCommand:
        return CancelOrder(order_id, body.reason)


class OrderEvents(StreamEvents):
    """The events of an order: for its customer, and for staff with the permission to read events."""

    @classmethod
    def rights_of(cls, method: str) -> Rights:
        return Rights(Audience.OWNER, (view_permission_for(Order), VIEW_EVENTS))

    def shows_personal_data(self, request: Request, aggregate_id: UUID) -> bool:
        order = load_order(aggregate_id)
        if order is not None and is_owner(request, order.customer_id):
            return True
        if order is None or not require_login(request).has_perm(view_permission_for(Order)):
            raise NotFound
        return super().shows_personal_data(request, aggregate_id)


def load_order(order_id: UUID) -> Order | None:
    """The current order from its events; None if there is no such order."""
    history = store.get_events(order_id)
    if not history or history[0].meta.aggregate_type != Order.__name__:
        return None
    return Order().evolve_all(recorded.event for recorded in history)
