"""The REST API of the stock: the warehouse's commands as resources."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar
from uuid import UUID

from django.urls import reverse
from msgspec import Struct
from rest_framework.request import Request
from rest_framework.response import Response

from eventshop.core.messages import Command, Event, NonEmptyText
from eventshop.operations.rights import Audience, Rights
from eventshop.web.api import request_parsing
from eventshop.web.api.base_view import ApiView, require_permission
from eventshop.web.api.command_endpoint import execute_command
from orders.api import url_names
from orders.domain.commands import ReceiveStock, WriteOffStock
from orders.domain.events import Quantity


class StockReceipt(Struct, frozen=True, forbid_unknown_fields=True):
    """The units received, and the delivery note."""

    example: ClassVar[dict[str, Any]] = {"quantity": 5, "reference": "D-1"}

    quantity: Quantity
    reference: NonEmptyText


class StockWriteOff(Struct, frozen=True, forbid_unknown_fields=True):
    """The units to write off, and the reason."""

    example: ClassVar[dict[str, Any]] = {"quantity": 1, "reason": "broken", "reference": "C-1"}

    quantity: Quantity
    reason: NonEmptyText
    reference: NonEmptyText


class StockReceipts(ApiView):
    """Stock receipts."""

    scopes: ClassVar[dict[str, str]] = {"POST": "stock:write"}
    rights: ClassVar[Mapping[str, Rights]] = {"POST": Rights(Audience.NOBODY, ("orders.receive_stock",))}
    body: ClassVar[type[Struct]] = StockReceipt
    status = 201
    needs_version = False

    def post(self, request: Request, sku: str) -> Response:
        """Receive units into stock. No version is needed, as receipts can be added in any order."""
        require_permission(request, "orders.receive_stock")
        body = request_parsing.parse_body(request, StockReceipt)
        return _send_stock_command(request, sku, lambda *_: ReceiveStock(sku, body.quantity, body.reference))


class WriteOffs(ApiView):
    """Write-offs of stock."""

    scopes: ClassVar[dict[str, str]] = {"POST": "stock:write"}
    rights: ClassVar[Mapping[str, Rights]] = {"POST": Rights(Audience.NOBODY, ("orders.write_off_stock",))}
    body: ClassVar[type[Struct]] = StockWriteOff
    status = 201
    needs_version = False

    def post(self, request: Request, sku: str) -> Response:
        """Write units off; at most as many as are on hand."""
        require_permission(request, "orders.write_off_stock")
        body = request_parsing.parse_body(request, StockWriteOff)
        return _send_stock_command(
            request, sku, lambda *_: WriteOffStock(sku, body.quantity, body.reason, body.reference)
        )


def _send_stock_command(request: Request, sku: str, command: Callable[[UUID, Event | None], Command]) -> Response:
    location = reverse(url_names.STOCK_LEVEL, args=[sku])
    return execute_command(request, command, status=201, location=location, needs_version=False)
