"""The aggregate `StockItem`: the stock of one product in the warehouse."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self, assert_never
from uuid import UUID

from msgspec.structs import replace

from eventshop.core.aggregate import Aggregate
from eventshop.core.deterministic_ids import derive_id
from orders.domain.commands import (
    DispatchInventory,
    ReceiveStock,
    ReleaseInventory,
    ReserveInventory,
    StockCommand,
    WriteOffStock,
)
from orders.domain.errors import AlreadyReserved, NotEnoughStock, NotReserved
from orders.domain.events import (
    InventoryDispatched,
    InventoryRefused,
    InventoryReleased,
    InventoryReserved,
    StockEvent,
    StockReceived,
    StockWrittenOff,
)


class StockItem(Aggregate[StockCommand, StockEvent], frozen=True):
    """The stock of one product, identified by its SKU exactly as written.

    It is counted from the first delivery on: received = on hand + reserved + dispatched + written off - uncounted.
    Units written off before the first delivery, as in imported data, come from an unknown stock; they do not change it.
    """

    snapshot_version = 3

    received: int = 0
    on_hand: int = 0
    reserved: Mapping[UUID, int] = {}  # reserved units, by order id
    dispatched: int = 0
    written_off: int = 0
    uncounted: int = 0  # of the units written off: those before the first delivery

    @staticmethod
    def id_of(command: StockCommand) -> UUID:
        return stock_item_id(command.sku)

    def decide(self, command: StockCommand) -> list[StockEvent]:
        match command:
            case ReceiveStock() as command:
                return [StockReceived(sku=command.sku, quantity=command.quantity, reference=command.reference)]
            case ReserveInventory() as command:
                return self._reserve(command)
            case ReleaseInventory() as command:
                self._require_reserved(command)
                return [InventoryReleased(sku=command.sku, order_id=command.order_id, quantity=command.quantity)]
            case DispatchInventory() as command:
                self._require_reserved(command)
                return [InventoryDispatched(sku=command.sku, order_id=command.order_id, quantity=command.quantity)]
            case WriteOffStock() as command if self.counted and command.quantity > self.on_hand:
                raise NotEnoughStock(sku=command.sku, requested=command.quantity, on_hand=self.on_hand)
            case WriteOffStock() as command:
                return [
                    StockWrittenOff(
                        sku=command.sku, quantity=command.quantity, reason=command.reason, reference=command.reference
                    )
                ]
            case _:
                assert_never(command)

    def evolve(self, event: StockEvent) -> Self:
        match event:
            case StockReceived(quantity=quantity):
                return replace(self, received=self.received + quantity, on_hand=self.on_hand + quantity)
            case InventoryReserved(order_id=order, quantity=quantity):
                return replace(
                    self, on_hand=self.on_hand - quantity, reserved=self._change_reservation(order, quantity)
                )
            case InventoryReleased(order_id=order, quantity=quantity):
                return replace(
                    self, on_hand=self.on_hand + quantity, reserved=self._change_reservation(order, -quantity)
                )
            case InventoryDispatched(order_id=order, quantity=quantity):
                dispatched = self.dispatched + quantity
                return replace(self, dispatched=dispatched, reserved=self._change_reservation(order, -quantity))
            case StockWrittenOff(quantity=quantity) if self.counted:
                return replace(self, on_hand=self.on_hand - quantity, written_off=self.written_off + quantity)
            case StockWrittenOff(quantity=quantity):
                lost = self.written_off + quantity
                return replace(self, written_off=lost, uncounted=lost)
            case InventoryRefused():
                return self
            case _:
                assert_never(event)

    @property
    def counted(self) -> bool:
        """Whether the number of units is known: there was a delivery."""
        return self.received > 0

    def _reserve(self, command: ReserveInventory) -> list[StockEvent]:
        reserved = self.reserved.get(command.order_id)
        if reserved == command.quantity:
            return []
        if reserved is not None:
            raise AlreadyReserved(
                sku=command.sku, order_id=command.order_id, reserved=reserved, requested=command.quantity
            )
        if command.quantity <= self.on_hand:
            return [InventoryReserved(sku=command.sku, order_id=command.order_id, quantity=command.quantity)]
        return [
            InventoryRefused(
                sku=command.sku,
                order_id=command.order_id,
                quantity=command.quantity,
                available=self.on_hand,
                reason="out of stock" if self.counted else "unknown product",
            )
        ]

    def _require_reserved(self, command: ReleaseInventory | DispatchInventory) -> None:
        reserved = self.reserved.get(command.order_id, 0)
        if command.quantity > reserved:
            raise NotReserved(sku=command.sku, order_id=command.order_id, reserved=reserved, requested=command.quantity)

    def _change_reservation(self, order_id: UUID, change: int) -> dict[UUID, int]:
        """The reservations after an order's reserved units changed by `change`."""
        reserved = self.reserved.get(order_id, 0) + change
        others = {order: quantity for order, quantity in self.reserved.items() if order != order_id}
        return others | {order_id: reserved} if reserved else others


def stock_item_id(sku: str) -> UUID:
    """The stream id of a product's stock. The SKU is case-sensitive: `85123a` and `85123A` are two products."""
    return derive_id("stock-item", sku)
