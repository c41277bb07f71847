"""Activity timeline rows for the movements of stock."""

from __future__ import annotations

from typing import TypeAlias

from eventshop.core.messages import Meta
from orders.domain.events import (
    InventoryDispatched,
    InventoryRefused,
    InventoryReleased,
    InventoryReserved,
    StockReceived,
    StockWrittenOff,
)
from projections.activity_timeline import activity_timeline, event_key, fill_row
from projections.models import ActivityTimeline

_InventoryEvent: TypeAlias = InventoryReserved | InventoryRefused | InventoryReleased | InventoryDispatched


@activity_timeline.on(StockReceived, dated_key=event_key)
def received(row: ActivityTimeline, event: StockReceived, meta: Meta) -> None:
    fill_row(row, event, meta, f"{event.quantity} x {event.sku} received: {event.reference}")
    row.reference, row.lines, row.units = event.reference, 1, event.quantity


@activity_timeline.on(InventoryReserved, dated_key=event_key)
def reserved(row: ActivityTimeline, event: InventoryReserved, meta: Meta) -> None:
    _fill_stock_row(row, event, meta, "set aside for an order")


@activity_timeline.on(InventoryRefused, dated_key=event_key)
def refused(row: ActivityTimeline, event: InventoryRefused, meta: Meta) -> None:
    _fill_stock_row(row, event, meta, f"refused to an order: {event.reason}, {event.available} on hand")


@activity_timeline.on(InventoryReleased, dated_key=event_key)
def released(row: ActivityTimeline, event: InventoryReleased, meta: Meta) -> None:
    _fill_stock_row(row, event, meta, "on hand again")


@activity_timeline.on(InventoryDispatched, dated_key=event_key)
def dispatched(row: ActivityTimeline, event: InventoryDispatched, meta: Meta) -> None:
    _fill_stock_row(row, event, meta, "dispatched")


@activity_timeline.on(StockWrittenOff, dated_key=event_key)
def written_off(row: ActivityTimeline, event: StockWrittenOff, meta: Meta) -> None:
    fill_row(row, event, meta, f"{event.quantity} x {event.sku} written off")
    row.reference, row.lines, row.units = event.reference, 1, event.quantity


def _fill_stock_row(row: ActivityTimeline, event: _InventoryEvent, meta: Meta, change: str) -> None:
    fill_row(row, event, meta, f"{event.quantity} x {event.sku} {change}")
    row.lines, row.units = 1, event.quantity
