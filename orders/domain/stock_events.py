"""The events of stock items."""

from __future__ import annotations

from typing import Annotated, TypeAlias
from uuid import UUID

import msgspec

from eventshop.core.messages import Event, NonEmptyText
from orders.domain.order_values import Quantity


class StockReceived(Event, frozen=True):
    """Units arrived in the warehouse: bought or returned. The first receipt starts the stock count."""

    sku: NonEmptyText
    quantity: Quantity
    reference: NonEmptyText  # the delivery note, or the return


class InventoryReserved(Event, frozen=True):
    """Units on hand were reserved for an order."""

    sku: NonEmptyText
    order_id: UUID
    quantity: Quantity


class InventoryRefused(Event, frozen=True):
    """There were not enough units on hand for an order; none was reserved."""

    sku: NonEmptyText
    order_id: UUID
    quantity: Quantity
    available: Annotated[int, msgspec.Meta(ge=0)]
    reason: NonEmptyText


class InventoryReleased(Event, frozen=True):
    """Units reserved for an order are on hand again."""

    sku: NonEmptyText
    order_id: UUID
    quantity: Quantity


class InventoryDispatched(Event, frozen=True):
    """Units reserved for an order left the warehouse."""

    sku: NonEmptyText
    order_id: UUID
    quantity: Quantity


class StockWrittenOff(Event, frozen=True):
    """Units were lost, broken or missing at a stock count."""

    sku: NonEmptyText
    quantity: Quantity
    reason: NonEmptyText
    reference: NonEmptyText


StockEvent: TypeAlias = (
    StockReceived | InventoryReserved | InventoryRefused | InventoryReleased | InventoryDispatched | StockWrittenOff
)
