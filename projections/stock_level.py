"""Stock of each product: pieces on hand, reserved, dispatched and written off."""

from __future__ import annotations

from eventshop.core.messages import Meta
from eventshop.projections.projection import Projection, latest
from orders.domain.events import (
    InventoryDispatched,
    InventoryRefused,
    InventoryReleased,
    InventoryReserved,
    StockEvent,
    StockReceived,
    StockWrittenOff,
)
from projections.models import StockLevel

stock_level = Projection(StockLevel, topic="stock-level-projection", version=1, shared_rows=False)


def _sku_key(event: StockEvent) -> str:
    return event.sku


@stock_level.on(StockReceived, key=_sku_key)
def received(row: StockLevel, event: StockReceived, meta: Meta) -> None:
    _set_lineage(row, meta)
    row.received += event.quantity
    row.on_hand += event.quantity
    row.received_at = latest(row.received_at, meta.occurred_at)


@stock_level.on(InventoryReserved, key=_sku_key)
def reserved(row: StockLevel, event: InventoryReserved, meta: Meta) -> None:
    _set_lineage(row, meta)
    row.on_hand -= event.quantity
    row.reserved += event.quantity


@stock_level.on(InventoryReleased, key=_sku_key)
def released(row: StockLevel, event: InventoryReleased, meta: Meta) -> None:
    _set_lineage(row, meta)
    row.on_hand += event.quantity
    row.reserved -= event.quantity


@stock_level.on(InventoryDispatched, key=_sku_key)
def dispatched(row: StockLevel, event: InventoryDispatched, meta: Meta) -> None:
    _set_lineage(row, meta)
    row.reserved -= event.quantity
    row.dispatched += event.quantity


@stock_level.on(InventoryRefused, key=_sku_key)
def refused(row: StockLevel, event: InventoryRefused, meta: Meta) -> None:
    _set_lineage(row, meta)
    row.refusals += 1
    row.refused_at = latest(row.refused_at, meta.occurred_at)


@stock_level.on(StockWrittenOff, key=_sku_key)
def written_off(row: StockLevel, event: StockWrittenOff, meta: Meta) -> None:
    _set_lineage(row, meta)
    row.written_off += event.quantity
    if row.counted:
        row.on_hand -= event.quantity
    else:
        row.uncounted += event.quantity


def _set_lineage(row: StockLevel, meta: Meta) -> None:
    row.stock_item_id, row.updated_at = meta.aggregate_id, meta.occurred_at
