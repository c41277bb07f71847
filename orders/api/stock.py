"""The warehouse's commands, as resources."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar
from uuid import UUID

from django.urls import reverse
from msgspec import Struct
from rest_framework.request import Request
from rest_framework.response import Response

from eventshop.core.messages import Command, Event, NonEmptyText
from eventshop.web.api import request_parsing
from eventshop.web.api.base_view import ApiView, require_permission
from eventshop.web.api.command_endpoint import execute_command
from orders.domain.commands import ReceiveStock, WriteOffStock
from orders.domain.events import Quantity


class StockReceipt(Struct, frozen=True, forbid_unknown_fields=True):
    """Pieces that came in, and with which delivery note."""

    example: ClassVar[dict[str, Any]] = {"quantity": 5, "reference": "D-1"}

    quantity: Quantity
    reference: NonEmptyText


class StockWriteOff(Struct, frozen=True, forbid_unknown_fields=True):
    """Pieces that nobody bought, and why they are gone."""

    example: ClassVar[dict[str, Any]] = {"quantity": 1, "reason": "broken", "reference": "C-1"}

    quantity: Quantity
    reason: NonEmptyText
    reference: NonEmptyText


class StockReceipts(ApiView):
    """Pieces that came into stock."""

    scopes: ClassVar[dict[str, str]] = {"POST": "stock:write"}
    body: ClassVar[type[Struct]] = StockReceipt
    status = 201
    needs_version = False

    def post(self, request: Request, sku: str) -> Response:
        """Take pieces into stock. A version need not be given: pieces add up in any order."""
        require_permission(request, "orders.receive_stock")
        asked = request_parsing.parse_body(request, StockReceipt)
        return _send_stock_command(request, sku, lambda *_: ReceiveStock(sku, asked.quantity, asked.reference))


class WriteOffs(ApiView):
    """Pieces that were written off."""

    scopes: ClassVar[dict[str, str]] = {"POST": "stock:write"}
    body: ClassVar[type[Struct]] = StockWriteOff
    status = 201
    needs_version = False

    def post(self, request: Request, sku: str) -> Response:
        """Write pieces off; no more than are on hand."""
        require_permission(request, "orders.write_off_stock")
        asked = request_parsing.parse_body(request, StockWriteOff)
        return _send_stock_command(request, sku, lambda *_: WriteOffStock(sku, asked.quantity, asked.reason, asked.reference))


def _send_stock_command(request: Request, sku: str, command: Callable[[UUID, Event | None], Command]) -> Response:
    location = reverse("api-stock-level", args=[sku])
    return execute_command(request, command, status=201, location=location, needs_version=False)
