"""The activity timeline: one row per event, with a summary in words."""

from __future__ import annotations

from typing import TypeAlias
from uuid import UUID

from eventshop.core.messages import Event, Meta
from eventshop.core.money import Money
from eventshop.projections.projection import Projection
from orders.domain.events import (
    CreditNoteIssued,
    InventoryDispatched,
    InventoryRefused,
    InventoryReleased,
    InventoryReserved,
    ItemsReturned,
    OrderCancelled,
    OrderCreated,
    OrderDelivered,
    OrderShipped,
    PaymentDeclined,
    PaymentProcessed,
    PaymentRefunded,
    PaymentRequested,
    StockReceived,
    StockWrittenOff,
)
from projections.models import ActivityTimeline

activity_timeline = Projection(ActivityTimeline, topic="activity-timeline-projection", version=2, shared_rows=False)

_PaymentEvent: TypeAlias = PaymentRequested | PaymentDeclined | PaymentProcessed | PaymentRefunded
_InventoryEvent: TypeAlias = InventoryReserved | InventoryRefused | InventoryReleased | InventoryDispatched


def event_key(event: Event, meta: Meta) -> UUID:
    """The row key: each event has a row of its own."""
    return meta.event_id


@activity_timeline.on(OrderCreated, dated_key=event_key)
def created(row: ActivityTimeline, event: OrderCreated, meta: Meta) -> None:
    fill_row(row, event, meta, f"Order {event.reference}: {_line_count(len(event.lines))} for {event.total}")
    _fill_goods(row, event.total, len(event.lines), sum(line.quantity for line in event.lines))
    row.reference = event.reference


@activity_timeline.on(CreditNoteIssued, dated_key=event_key)
def credited(row: ActivityTimeline, event: CreditNoteIssued, meta: Meta) -> None:
    fill_row(row, event, meta, f"Credit note {event.reference} over {event.total}: {event.reason}")
    _fill_goods(row, event.total, len(event.lines), sum(line.quantity for line in event.lines))
    row.reference = event.reference


@activity_timeline.on(PaymentRequested, dated_key=event_key)
def payment_requested(row: ActivityTimeline, event: PaymentRequested, meta: Meta) -> None:
    fill_row(row, event, meta, f"Payment of {event.amount} requested by {event.method}")
    _fill_amount(row, event)


@activity_timeline.on(PaymentDeclined, dated_key=event_key)
def payment_declined(row: ActivityTimeline, event: PaymentDeclined, meta: Meta) -> None:
    fill_row(row, event, meta, f"Payment of {event.amount} declined: {event.reason}")
    _fill_amount(row, event)


@activity_timeline.on(PaymentProcessed, dated_key=event_key)
def paid(row: ActivityTimeline, event: PaymentProcessed, meta: Meta) -> None:
    fill_row(row, event, meta, f"Paid {event.amount} by {event.method}")
    _fill_goods(row, event.amount, len(event.lines), sum(line.quantity for line in event.lines))
    row.reference = event.reference


@activity_timeline.on(PaymentRefunded, dated_key=event_key)
def refunded(row: ActivityTimeline, event: PaymentRefunded, meta: Meta) -> None:
    fill_row(row, event, meta, f"Refunded {event.amount}: {event.reason}")
    _fill_amount(row, event)
    row.reference = event.reference


@activity_timeline.on(OrderShipped, dated_key=event_key)
def shipped(row: ActivityTimeline, event: OrderShipped, meta: Meta) -> None:
    fill_row(row, event, meta, " ".join(filter(None, ("Shipped with", event.carrier, event.service, event.tracking))))


@activity_timeline.on(OrderDelivered, dated_key=event_key)
def delivered(row: ActivityTimeline, event: OrderDelivered, meta: Meta) -> None:
    fill_row(row, event, meta, "Delivered and signed for" if event.received_by else "Delivered")


@activity_timeline.on(OrderCancelled, dated_key=event_key)
def cancelled(row: ActivityTimeline, event: OrderCancelled, meta: Meta) -> None:
    fill_row(row, event, meta, f"Order {event.reference} cancelled: {event.reason}")
    row.reference = event.reference
    row.lines, row.units = len(event.lines), sum(line.quantity for line in event.lines)


@activity_timeline.on(ItemsReturned, dated_key=event_key)
def returned(row: ActivityTimeline, event: ItemsReturned, meta: Meta) -> None:
    units = sum(line.quantity for line in event.lines)
    fill_row(row, event, meta, f"{_piece_count(units)} of {_line_count(len(event.lines))} returned: {event.reason}")
    row.reference = event.reference
    row.lines, row.units = len(event.lines), units


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
    fill_row(row, event, meta, f"{event.quantity} x {event.sku} written off: {event.reason}")
    row.reference, row.lines, row.units = event.reference, 1, event.quantity


def fill_row(row: ActivityTimeline, event: Event, meta: Meta, summary: str) -> None:
    """Set the columns that every event has."""
    row.position, row.at, row.recorded_at = meta.position, meta.occurred_at, meta.recorded_at
    row.aggregate_type, row.aggregate_id, row.version = meta.aggregate_type, meta.aggregate_id, meta.version
    row.event_type, row.actor, row.correlation_id = meta.event_type, meta.actor, meta.correlation_id
    row.summary = summary[:500]
    row.customer_id = getattr(event, "customer_id", None)


def _fill_stock_row(row: ActivityTimeline, event: _InventoryEvent, meta: Meta, change: str) -> None:
    fill_row(row, event, meta, f"{event.quantity} x {event.sku} {change}")
    row.lines, row.units = 1, event.quantity


def _fill_amount(row: ActivityTimeline, event: _PaymentEvent) -> None:
    row.amount, row.currency = event.amount.amount, event.amount.currency


def _fill_goods(row: ActivityTimeline, amount: Money, lines: int, units: int) -> None:
    row.amount, row.currency = amount.amount, amount.currency
    row.lines, row.units = lines, units


def _line_count(count: int) -> str:
    return "1 line" if count == 1 else f"{count} lines"


def _piece_count(count: int) -> str:
    return "1 piece" if count == 1 else f"{count} pieces"
