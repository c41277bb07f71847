"""What happened, in words: one row per event."""

from __future__ import annotations

from typing import TypeAlias
from uuid import UUID

from eventshop.core.messages import Event, Meta
from eventshop.core.money import Money
from eventshop.projections.projection import Projection, catalogue
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
catalogue.add(activity_timeline)

_Money: TypeAlias = PaymentRequested | PaymentDeclined | PaymentProcessed | PaymentRefunded
_Inventory: TypeAlias = InventoryReserved | InventoryRefused | InventoryReleased | InventoryDispatched


def own_row(event: Event, meta: Meta) -> UUID:
    return meta.event_id


@activity_timeline.on(OrderCreated, dated_key=own_row)
def created(row: ActivityTimeline, event: OrderCreated, meta: Meta) -> None:
    about(row, event, meta, f"Order {event.reference}: {_lines(len(event.lines))} for {event.total}")
    _goods(row, event.total, len(event.lines), sum(line.quantity for line in event.lines))
    row.reference = event.reference


@activity_timeline.on(CreditNoteIssued, dated_key=own_row)
def credited(row: ActivityTimeline, event: CreditNoteIssued, meta: Meta) -> None:
    about(row, event, meta, f"Credit note {event.reference} over {event.total}: {event.reason}")
    _goods(row, event.total, len(event.lines), sum(line.quantity for line in event.lines))
    row.reference = event.reference


@activity_timeline.on(PaymentRequested, dated_key=own_row)
def payment_requested(row: ActivityTimeline, event: PaymentRequested, meta: Meta) -> None:
    about(row, event, meta, f"Payment of {event.amount} requested by {event.method}")
    _paid(row, event)


@activity_timeline.on(PaymentDeclined, dated_key=own_row)
def payment_declined(row: ActivityTimeline, event: PaymentDeclined, meta: Meta) -> None:
    about(row, event, meta, f"Payment of {event.amount} declined: {event.reason}")
    _paid(row, event)


@activity_timeline.on(PaymentProcessed, dated_key=own_row)
def paid(row: ActivityTimeline, event: PaymentProcessed, meta: Meta) -> None:
    about(row, event, meta, f"Paid {event.amount} by {event.method}")
    _goods(row, event.amount, len(event.lines), sum(line.quantity for line in event.lines))
    row.reference = event.reference


@activity_timeline.on(PaymentRefunded, dated_key=own_row)
def refunded(row: ActivityTimeline, event: PaymentRefunded, meta: Meta) -> None:
    about(row, event, meta, f"Refunded {event.amount}: {event.reason}")
    _paid(row, event)
    row.reference = event.reference


@activity_timeline.on(OrderShipped, dated_key=own_row)
def shipped(row: ActivityTimeline, event: OrderShipped, meta: Meta) -> None:
    about(row, event, meta, " ".join(filter(None, ("Shipped with", event.carrier, event.service, event.tracking))))


@activity_timeline.on(OrderDelivered, dated_key=own_row)
def delivered(row: ActivityTimeline, event: OrderDelivered, meta: Meta) -> None:
    about(row, event, meta, "Delivered and signed for" if event.received_by else "Delivered")


@activity_timeline.on(OrderCancelled, dated_key=own_row)
def cancelled(row: ActivityTimeline, event: OrderCancelled, meta: Meta) -> None:
    about(row, event, meta, f"Order {event.reference} cancelled: {event.reason}")
    row.reference = event.reference
    row.lines, row.units = len(event.lines), sum(line.quantity for line in event.lines)


@activity_timeline.on(ItemsReturned, dated_key=own_row)
def returned(row: ActivityTimeline, event: ItemsReturned, meta: Meta) -> None:
    units = sum(line.quantity for line in event.lines)
    about(row, event, meta, f"{_pieces(units)} of {_lines(len(event.lines))} returned: {event.reason}")
    row.reference = event.reference
    row.lines, row.units = len(event.lines), units


@activity_timeline.on(StockReceived, dated_key=own_row)
def received(row: ActivityTimeline, event: StockReceived, meta: Meta) -> None:
    about(row, event, meta, f"{event.quantity} x {event.sku} received: {event.reference}")
    row.reference, row.lines, row.units = event.reference, 1, event.quantity


@activity_timeline.on(InventoryReserved, dated_key=own_row)
def reserved(row: ActivityTimeline, event: InventoryReserved, meta: Meta) -> None:
    _moved(row, event, meta, "set aside for an order")


@activity_timeline.on(InventoryRefused, dated_key=own_row)
def refused(row: ActivityTimeline, event: InventoryRefused, meta: Meta) -> None:
    _moved(row, event, meta, f"refused to an order: {event.reason}, {event.available} on hand")


@activity_timeline.on(InventoryReleased, dated_key=own_row)
def released(row: ActivityTimeline, event: InventoryReleased, meta: Meta) -> None:
    _moved(row, event, meta, "on hand again")


@activity_timeline.on(InventoryDispatched, dated_key=own_row)
def dispatched(row: ActivityTimeline, event: InventoryDispatched, meta: Meta) -> None:
    _moved(row, event, meta, "dispatched")


@activity_timeline.on(StockWrittenOff, dated_key=own_row)
def written_off(row: ActivityTimeline, event: StockWrittenOff, meta: Meta) -> None:
    about(row, event, meta, f"{event.quantity} x {event.sku} written off: {event.reason}")
    row.reference, row.lines, row.units = event.reference, 1, event.quantity


def about(row: ActivityTimeline, event: Event, meta: Meta, summary: str) -> None:
    row.position, row.at, row.recorded_at = meta.position, meta.occurred_at, meta.recorded_at
    row.aggregate_type, row.aggregate_id, row.version = meta.aggregate_type, meta.aggregate_id, meta.version
    row.event_type, row.actor, row.correlation_id = meta.event_type, meta.actor, meta.correlation_id
    row.summary = summary[:500]
    row.customer_id = getattr(event, "customer_id", None)


def _moved(row: ActivityTimeline, event: _Inventory, meta: Meta, what: str) -> None:
    about(row, event, meta, f"{event.quantity} x {event.sku} {what}")
    row.lines, row.units = 1, event.quantity


def _paid(row: ActivityTimeline, event: _Money) -> None:
    row.amount, row.currency = event.amount.amount, event.amount.currency


def _goods(row: ActivityTimeline, amount: Money, lines: int, units: int) -> None:
    row.amount, row.currency = amount.amount, amount.currency
    row.lines, row.units = lines, units


def _lines(count: int) -> str:
    return "1 line" if count == 1 else f"{count} lines"


def _pieces(count: int) -> str:
    return "1 piece" if count == 1 else f"{count} pieces"
