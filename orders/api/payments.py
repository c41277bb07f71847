"""The REST API of payments: a customer decides to pay, and reads what came of each payment."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from msgspec import Struct
from rest_framework.request import Request
from rest_framework.response import Response

from eventshop.core.messages import Instant
from eventshop.core.money import Money
from eventshop.operations.access_log.declarations import Kind, Logged
from eventshop.web.api.aggregate_action import is_owner, view_permission_for
from eventshop.web.api.base_view import require_login
from eventshop.web.api.etag import etag
from eventshop.web.api.pagination import refuse_unknown_parameters
from eventshop.web.api.resource_serializer import to_json
from eventshop.web.shared.errors import NotFound
from orders.api.contents import OrderPayment, payments_of
from orders.api.orders import OrderAction
from orders.application.customer_order import CustomerOrder, load_any_order
from orders.domain.commands import OrderCommand, RequestPayment
from orders.domain.order import Order
from orders.domain.order_values import CardToken, PaymentMethod
from orders.domain.payments import PaymentStateName


class PaymentDecision(Struct, frozen=True, forbid_unknown_fields=True):
    """How to pay and how much; without `amount`, all that is outstanding. `token` is from the gateway's card page."""

    example: ClassVar[dict[str, Any]] = {"method": "card"}

    method: PaymentMethod = "card"
    amount: Money | None = None
    token: CardToken = ""


class OrderPayments(Struct, frozen=True):
    """What an order costs, what is outstanding and until when, and its payments, the oldest first.

    Without `pay_until` the order has no deadline, because it does not wait for a payment.
    """

    total: Money
    outstanding: Money
    payment_state: PaymentStateName
    pay_until: Instant | None
    payments: tuple[OrderPayment, ...]


class Payments(OrderAction):
    """Decide to pay all or a part of an order. Nothing is charged without it.

    The payment gateway answers; read the command's status for the outcome, or this resource. After a declined payment
    the order stays payable until its deadline: post again, with another method. One payment at a time.
    """

    access = Logged(Kind.ROWS)
    scopes: ClassVar[dict[str, str]] = {"GET": "orders:read", "POST": "orders:write"}
    response_schemas: ClassVar[dict[str, type[Struct]]] = {"GET": OrderPayments}
    body = PaymentDecision
    status = 202

    def get(self, request: Request, order_id: UUID) -> Response:
        """The payments of an order: what was asked for, what came of it, and what is outstanding."""
        refuse_unknown_parameters(request, ())
        order = load_any_order(order_id)
        if order is None or not _may_see(request, order):
            raise NotFound
        response = Response(to_json(_payments_of(order)))
        response["ETag"] = etag(order.version)
        return response

    def build_command(self, order_id: UUID, body: PaymentDecision, command_id: UUID) -> OrderCommand:
        return RequestPayment(order_id, body.method, body.amount, body.token)


def _may_see(request: Request, order: CustomerOrder) -> bool:
    login = require_login(request)
    return is_owner(request, order.state.customer_id) or login.has_perm(view_permission_for(Order))


def _payments_of(order: CustomerOrder) -> OrderPayments:
    return OrderPayments(
        total=order.state.total,
        outstanding=order.outstanding,
        payment_state=order.state.payment_state,
        pay_until=order.pay_until,
        payments=payments_of(order),
    )
