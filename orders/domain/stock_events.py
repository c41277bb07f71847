"""The events of stock items."""

from __future__ import annotations

from typing import Annotated, TypeAlias
from uuid import UUID

import msgspec

from eventshop.core.messages import Event, NonEmptyText
from eventshop.core.personal_fields import NotPersonal, Personal, Redacted
from orders.domain.order_values import Quantity, Reference, Sku


class StockReceived(Event, frozen=True):
    """Units arrived in the warehouse: bought or returned. The first receipt starts the stock count."""

    sku: Sku
    quantity: Quantity
    reference: Reference  # the delivery note, or the return


class InventoryReserved(Event, frozen=True):
    """Units on hand were reserved for an order."""

    sku: Sku
    order_id: UUID
    quantity: Quantity


class InventoryRefused(Event, frozen=True):
    """There were not enough units on hand for an order; none was reserved."""

    sku: Sku
    order_id: UUID
    quantity: Quantity
    available: Annotated[int, msgspec.Meta(ge=0)]
    reason: Annotated[NonEmptyText, NotPersonal("a text of the program")]


class InventoryReleased(Event, frozen=True):
    """Units reserved for an order are on hand again."""

    sku: Sku
    order_id: UUID
    quantity: Quantity


class InventoryDispatched(Event, frozen=True):
    """Units reserved for an order left the warehouse."""

    sku: Sku
    order_id: UUID
    quantity: Quantity


class StockWrittenOff(Event, frozen=True):
    """Units were lost, broken or missing at a stock count."""

    schema_version = 2

    sku: Sku
    quantity: Quantity
    reason: Annotated[NonEmptyText | Redacted, Personal(of="", purpose="notes", since=2, free_text=True)]
    reference: Reference


StockEvent: TypeAlias = (
    StockReceived | InventoryReserved | InventoryRefused | InventoryReleased | InventoryDispatched | StockWrittenOff
)
