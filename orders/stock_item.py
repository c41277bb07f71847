"""The pieces of one product in the warehouse."""

from __future__ import annotations

from typing import Self, assert_never
from uuid import UUID

from msgspec.structs import replace

from eventshop.core.aggregate import Aggregate
from eventshop.core.ids import derived_id
from eventshop.core.registry import registry
from orders.commands import StockCommand, WriteOffStock
from orders.events import StockEvent, StockWrittenOff


class StockItem(Aggregate[StockCommand, StockEvent], frozen=True):
    """One product's stock, known by its code exactly as written."""

    written_off: int = 0

    @staticmethod
    def id_of(command: StockCommand) -> UUID:
        return stock_item_id(command.sku)

    def decide(self, command: StockCommand) -> list[StockEvent]:
        match command:
            case WriteOffStock() as it:
                return [StockWrittenOff(sku=it.sku, quantity=it.quantity, reason=it.reason, reference=it.reference)]
            case _:
                assert_never(command)

    def evolve(self, event: StockEvent) -> Self:
        match event:
            case StockWrittenOff(quantity=quantity):
                return replace(self, written_off=self.written_off + quantity)
            case _:
                assert_never(event)


def stock_item_id(sku: str) -> UUID:
    """The stream of a product's stock. Case counts: `85123a` is another product than `85123A`."""
    return derived_id("stock-item", sku)


registry.add(StockItem)
