"""The warehouse's commands, as resources."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar
from uuid import UUID

from django.urls import reverse
from msgspec import Struct
from rest_framework.request import Request
from rest_framework.response import Response

from eventshop.core.messages import Command, Event, Name
from eventshop.web.api import request_parsing
from eventshop.web.api.base_view import ApiView, require
from eventshop.web.api.command_endpoint import carry_out
from orders.domain.commands import ReceiveStock, WriteOffStock
from orders.domain.events import Quantity


class Received(Struct, frozen=True, forbid_unknown_fields=True):
    """Pieces that came in, and with which delivery note."""

    example: ClassVar[dict[str, Any]] = {"quantity": 5, "reference": "D-1"}

    quantity: Quantity
    reference: Name


class WrittenOff(Struct, frozen=True, forbid_unknown_fields=True):
    """Pieces that nobody bought, and why they are gone."""

    example: ClassVar[dict[str, Any]] = {"quantity": 1, "reason": "broken", "reference": "C-1"}

    quantity: Quantity
    reason: Name
    reference: Name


class StockReceipts(ApiView):
    """Pieces that came into stock."""

    scopes: ClassVar[dict[str, str]] = {"POST": "stock:write"}
    body: ClassVar[type[Struct]] = Received
    status = 201
    needs_version = False

    def post(self, request: Request, sku: str) -> Response:
        """Take pieces into stock. A version need not be given: pieces add up in any order."""
        require(request, "orders.receive_stock")
        asked = request_parsing.read(request, Received)
        return _carry_out(request, sku, lambda *_: ReceiveStock(sku, asked.quantity, asked.reference))


class WriteOffs(ApiView):
    """Pieces that were written off."""

    scopes: ClassVar[dict[str, str]] = {"POST": "stock:write"}
    body: ClassVar[type[Struct]] = WrittenOff
    status = 201
    needs_version = False

    def post(self, request: Request, sku: str) -> Response:
        """Write pieces off; no more than are on hand."""
        require(request, "orders.write_off_stock")
        asked = request_parsing.read(request, WrittenOff)
        return _carry_out(request, sku, lambda *_: WriteOffStock(sku, asked.quantity, asked.reason, asked.reference))


def _carry_out(request: Request, sku: str, command: Callable[[UUID, Event | None], Command]) -> Response:
    location = reverse("api-stock-level", args=[sku])
    return carry_out(request, command, status=201, location=location, needs_version=False)
