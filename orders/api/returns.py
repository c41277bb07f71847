"""The REST API of returns: a customer asks; staff accept or decline, and say what came back."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar
from uuid import UUID

import msgspec
from msgspec import Struct
from rest_framework.request import Request
from rest_framework.response import Response

from eventshop.core.messages import NonEmptyText
from eventshop.web.api.aggregate_action import is_owner
from orders import permissions
from orders.api.orders import OrderAction
from orders.domain.commands import AcceptReturn, DeclineReturn, OrderCommand, ReceiveReturn, RequestReturn
from orders.domain.return_commands import ReceivedLine, ReturnLine
from orders.domain.return_events import Requester


class Return(Struct, frozen=True, forbid_unknown_fields=True):
    """The quantities to return by line, and the reason."""

    example: ClassVar[dict[str, Any]] = {"lines": [{"line": 1, "quantity": 1}], "reason": "chipped"}

    lines: Annotated[tuple[ReturnLine, ...], msgspec.Meta(min_length=1, max_length=1_500)]
    reason: NonEmptyText


class ReturnAcceptance(Struct, frozen=True, forbid_unknown_fields=True):
    """Nothing to say."""

    example: ClassVar[dict[str, Any]] = {}


class ReturnRefusal(Struct, frozen=True, forbid_unknown_fields=True):
    """Why the return is declined."""

    example: ClassVar[dict[str, Any]] = {"reason": "worn"}

    reason: NonEmptyText


class ReturnReceipt(Struct, frozen=True, forbid_unknown_fields=True):
    """What came back, by line and condition."""

    example: ClassVar[dict[str, Any]] = {"lines": [{"line": 1, "quantity": 1, "condition": "damaged"}]}

    lines: Annotated[tuple[ReceivedLine, ...], msgspec.Meta(min_length=1, max_length=1_500)]


class Returns(OrderAction):
    """Ask to return items of an order that was shipped. Its reference is R- and ten characters; read the events.

    Nothing is refunded until the shop has accepted the return and received the items.
    """

    body = Return
    permission = permissions.REFUND_ORDER
    status = 201

    def build_command(self, order_id: UUID, body: Return, command_id: UUID) -> OrderCommand:
        requested_by: Requester = "customer" if is_owner(self.request, self.owner_of(order_id)) else "staff"
        return RequestReturn(order_id, return_reference(command_id), body.lines, body.reason, requested_by)


class ReturnAction(OrderAction):
    """A command of staff for one return of an order."""

    owner_allowed = False
    permission = permissions.REFUND_ORDER
    reference: str

    def post(self, request: Request, order_id: UUID, reference: str) -> Response:  # type: ignore[override]
        self.reference = reference
        return self.execute(request, order_id)


class ReturnAcceptances(ReturnAction):
    """Accept a return: the customer may send the items."""

    body = ReturnAcceptance

    def build_command(self, order_id: UUID, body: ReturnAcceptance, command_id: UUID) -> OrderCommand:
        return AcceptReturn(order_id, self.reference)


class ReturnDeclines(ReturnAction):
    """Decline a return."""

    body = ReturnRefusal

    def build_command(self, order_id: UUID, body: ReturnRefusal, command_id: UUID) -> OrderCommand:
        return DeclineReturn(order_id, self.reference, body.reason)


class ReturnReceipts(ReturnAction):
    """Record which items of an accepted return came back, all or a part. They are refunded.

    Resellable items are received into stock, damaged ones are written off.
    """

    body = ReturnReceipt

    def build_command(self, order_id: UUID, body: ReturnReceipt, command_id: UUID) -> OrderCommand:
        return ReceiveReturn(order_id, self.reference, body.lines)


def return_reference(command_id: UUID) -> str:
    """The reference of the return that this command asks for."""
    return f"R-{command_id.hex[-10:].upper()}"
