"""The pieces of one product in the warehouse."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self, assert_never
from uuid import UUID

from msgspec.structs import replace

from eventshop.core.aggregate import Aggregate
from eventshop.core.deterministic_ids import derived_id
from eventshop.core.message_registry import registry
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
    """One product's stock, known by its code exactly as written.

    It is counted from its first delivery on: received = on hand + set aside + dispatched + written off - uncounted.
    What was written off before is a loss of a number nobody knew, as in an imported month; it makes no stock.
    """

    received: int = 0
    on_hand: int = 0
    reserved: Mapping[UUID, int] = {}  # pieces set aside, by order
    dispatched: int = 0
    written_off: int = 0
    uncounted: int = 0  # of those written off: before the count began

    @staticmethod
    def id_of(command: StockCommand) -> UUID:
        return stock_item_id(command.sku)

    def decide(self, command: StockCommand) -> list[StockEvent]:
        match command:
            case ReceiveStock() as it:
                return [StockReceived(sku=it.sku, quantity=it.quantity, reference=it.reference)]
            case ReserveInventory() as it:
                return self._reserved_or_refused(it)
            case ReleaseInventory() as it:
                self._require_reserved(it)
                return [InventoryReleased(sku=it.sku, order_id=it.order_id, quantity=it.quantity)]
            case DispatchInventory() as it:
                self._require_reserved(it)
                return [InventoryDispatched(sku=it.sku, order_id=it.order_id, quantity=it.quantity)]
            case WriteOffStock() as it if self.counted and it.quantity > self.on_hand:
                raise NotEnoughStock(sku=it.sku, asked=it.quantity, on_hand=self.on_hand)
            case WriteOffStock() as it:
                return [StockWrittenOff(sku=it.sku, quantity=it.quantity, reason=it.reason, reference=it.reference)]
            case _:
                assert_never(command)

    def evolve(self, event: StockEvent) -> Self:
        match event:
            case StockReceived(quantity=quantity):
                return replace(self, received=self.received + quantity, on_hand=self.on_hand + quantity)
            case InventoryReserved(order_id=order, quantity=quantity):
                return replace(self, on_hand=self.on_hand - quantity, reserved=self._set_aside(order, quantity))
            case InventoryReleased(order_id=order, quantity=quantity):
                return replace(self, on_hand=self.on_hand + quantity, reserved=self._set_aside(order, -quantity))
            case InventoryDispatched(order_id=order, quantity=quantity):
                dispatched = self.dispatched + quantity
                return replace(self, dispatched=dispatched, reserved=self._set_aside(order, -quantity))
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
        """Whether anybody knows how many pieces there are."""
        return self.received > 0

    def _reserved_or_refused(self, it: ReserveInventory) -> list[StockEvent]:
        already = self.reserved.get(it.order_id)
        if already == it.quantity:
            return []
        if already is not None:
            raise AlreadyReserved(sku=it.sku, order_id=it.order_id, set_aside=already, asked=it.quantity)
        if it.quantity <= self.on_hand:
            return [InventoryReserved(sku=it.sku, order_id=it.order_id, quantity=it.quantity)]
        return [
            InventoryRefused(
                sku=it.sku,
                order_id=it.order_id,
                quantity=it.quantity,
                available=self.on_hand,
                reason="out of stock" if self.counted else "unknown product",
            )
        ]

    def _require_reserved(self, it: ReleaseInventory | DispatchInventory) -> None:
        set_aside = self.reserved.get(it.order_id, 0)
        if it.quantity > set_aside:
            raise NotReserved(sku=it.sku, order_id=it.order_id, set_aside=set_aside, asked=it.quantity)

    def _set_aside(self, order_id: UUID, more: int) -> dict[UUID, int]:
        pieces = self.reserved.get(order_id, 0) + more
        others = {order: quantity for order, quantity in self.reserved.items() if order != order_id}
        return others | {order_id: pieces} if pieces else others


def stock_item_id(sku: str) -> UUID:
    """The stream of a product's stock. Case counts: `85123a` is another product than `85123A`."""
    return derived_id("stock-item", sku)


registry.add(StockItem)
