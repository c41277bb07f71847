"""The commands of stock items."""

from __future__ import annotations

from typing import TypeAlias
from uuid import UUID

from eventshop.core.errors import InvalidMessage
from eventshop.core.messages import Command, NonEmptyText
from orders.domain.order_values import Quantity


class ReceiveStock(Command, frozen=True):
    """Add units to the stock. `reference` is the delivery note or the return."""

    sku: NonEmptyText
    quantity: Quantity
    reference: NonEmptyText

    def __post_init__(self) -> None:
        check_quantity(self.sku, self.quantity)


class ReserveInventory(Command, frozen=True):
    """Reserve units for an order: all of them or none."""

    sku: NonEmptyText
    order_id: UUID
    quantity: Quantity

    def __post_init__(self) -> None:
        check_quantity(self.sku, self.quantity)


class ReleaseInventory(Command, frozen=True):
    """Release units that were reserved for an order."""

    sku: NonEmptyText
    order_id: UUID
    quantity: Quantity

    def __post_init__(self) -> None:
        check_quantity(self.sku, self.quantity)


class DispatchInventory(Command, frozen=True):
    """Remove units that were reserved for an order from the warehouse."""

    sku: NonEmptyText
    order_id: UUID
    quantity: Quantity

    def __post_init__(self) -> None:
        check_quantity(self.sku, self.quantity)


class WriteOffStock(Command, frozen=True):
    """Remove units from the stock that were lost, broken or not found."""

    sku: NonEmptyText
    quantity: Quantity
    reason: NonEmptyText
    reference: NonEmptyText

    def __post_init__(self) -> None:
        check_quantity(self.sku, self.quantity)


StockCommand: TypeAlias = ReceiveStock | ReserveInventory | ReleaseInventory | DispatchInventory | WriteOffStock


def check_quantity(sku: str, quantity: int) -> None:
    """Raise `InvalidMessage` for a quantity below 1."""
    if quantity < 1:
        raise InvalidMessage(f"{sku}: quantity must be at least 1, not {quantity}")
