"""The commands of stock items."""

from __future__ import annotations

from typing import Annotated, TypeAlias
from uuid import UUID

from eventshop.core.errors import InvalidMessage
from eventshop.core.messages import Command, NonEmptyText
from eventshop.core.personal_fields import Personal
from orders.domain.order_values import Quantity, Reference, Sku


class ReceiveStock(Command, frozen=True):
    """Add units to the stock. `reference` is the delivery note or the return."""

    sku: Sku
    quantity: Quantity
    reference: Reference

    def __post_init__(self) -> None:
        check_quantity(self.sku, self.quantity)


class ReserveInventory(Command, frozen=True):
    """Reserve units for an order: all of them or none."""

    sku: Sku
    order_id: UUID
    quantity: Quantity

    def __post_init__(self) -> None:
        check_quantity(self.sku, self.quantity)


class ReleaseInventory(Command, frozen=True):
    """Release units that were reserved for an order."""

    sku: Sku
    order_id: UUID
    quantity: Quantity

    def __post_init__(self) -> None:
        check_quantity(self.sku, self.quantity)


class DispatchInventory(Command, frozen=True):
    """Remove units that were reserved for an order from the warehouse."""

    sku: Sku
    order_id: UUID
    quantity: Quantity

    def __post_init__(self) -> None:
        check_quantity(self.sku, self.quantity)


class WriteOffStock(Command, frozen=True):
    """Remove units from the stock that were lost, broken or not found."""

    sku: Sku
    quantity: Quantity
    reason: Annotated[NonEmptyText, Personal(of="", purpose="notes", since=2, free_text=True)]
    reference: Reference

    def __post_init__(self) -> None:
        check_quantity(self.sku, self.quantity)


StockCommand: TypeAlias = ReceiveStock | ReserveInventory | ReleaseInventory | DispatchInventory | WriteOffStock


def check_quantity(sku: str, quantity: int) -> None:
    """Raise `InvalidMessage` for a quantity below 1."""
    if quantity < 1:
        raise InvalidMessage(f"{sku}: quantity must be at least 1, not {quantity}")
