"""The current state of each order."""

from __future__ import annotations

from eventshop.core.messages import Meta
from eventshop.projections.personal_columns import personal_text
from eventshop.projections.projection import Projection
from orders.domain.events import (
    CreditNoteIssued,
    ItemsReturned,
    OrderCancelled,
    OrderCreated,
    OrderDelivered,
    OrderShipped,
    PaymentDeclined,
    PaymentProcessed,
    PaymentRefunded,
    PaymentRequested,
)
from projections.models import OrderSummary

order_summary = Projection(OrderSummary, topic="order-summary-projection", version=1, shared_rows=False)


@order_summary.on(OrderCreated, key=lambda event: event.order_id)
def created(row: OrderSummary, event: OrderCreated, meta: Meta) -> None:
    _fill_document(row, event, meta)
    row.status = OrderSummary.Status.CREATED
    row.delivery_name, row.delivery_address = personal_text(event.delivery_name), personal_text(event.delivery_address)


@order_summary.on(CreditNoteIssued, key=lambda event: event.order_id)
def credited(row: OrderSummary, event: CreditNoteIssued, meta: Meta) -> None:
    _fill_document(row, event, meta)
    row.kind = OrderSummary.Kind.CREDIT_NOTE
    row.status = OrderSummary.Status.CREDITED
    row.refunded = event.total.amount
    row.units_returned = row.units
    row.reason = event.reason


@order_summary.on(PaymentRequested, key=lambda event: event.order_id)
def payment_requested(row: OrderSummary, event: PaymentRequested, meta: Meta) -> None:
    row.payment = f"{event.method}: requested"[:200]
    row.updated_at = meta.occurred_at


@order_summary.on(PaymentDeclined, key=lambda event: event.order_id)
def payment_declined(row: OrderSummary, event: PaymentDeclined, meta: Meta) -> None:
    row.payment = f"declined: {event.reason}"[:200]
    row.updated_at = meta.occurred_at


@order_summary.on(PaymentProcessed, key=lambda event: event.order_id)
def paid(row: OrderSummary, event: PaymentProcessed, meta: Meta) -> None:
    row.status = OrderSummary.Status.PAID
    row.paid += event.amount.amount
    row.payment = event.method
    row.paid_at = row.updated_at = meta.occurred_at


@order_summary.on(OrderShipped, key=lambda event: event.order_id)
def shipped(row: OrderSummary, event: OrderShipped, meta: Meta) -> None:
    row.status = OrderSummary.Status.SHIPPED
    row.carrier, row.tracking = f"{event.carrier} {event.service}".rstrip(), event.tracking
    row.shipped_at = row.updated_at = meta.occurred_at


@order_summary.on(OrderDelivered, key=lambda event: event.order_id)
def delivered(row: OrderSummary, event: OrderDelivered, meta: Meta) -> None:
    row.received_by = personal_text(event.received_by)
    row.status = OrderSummary.Status.DELIVERED
    row.delivered_at = row.updated_at = meta.occurred_at


@order_summary.on(OrderCancelled, key=lambda event: event.order_id)
def cancelled(row: OrderSummary, event: OrderCancelled, meta: Meta) -> None:
    row.status = OrderSummary.Status.CANCELLED
    row.reason = event.reason
    row.cancelled_at = row.updated_at = meta.occurred_at


@order_summary.on(ItemsReturned, key=lambda event: event.order_id)
def returned(row: OrderSummary, event: ItemsReturned, meta: Meta) -> None:
    row.units_returned += sum(line.quantity for line in event.lines)
    row.updated_at = meta.occurred_at


@order_summary.on(PaymentRefunded, key=lambda event: event.order_id)
def refunded(row: OrderSummary, event: PaymentRefunded, meta: Meta) -> None:
    row.refunded += event.amount.amount
    row.updated_at = meta.occurred_at


def _fill_document(row: OrderSummary, event: OrderCreated | CreditNoteIssued, meta: Meta) -> None:
    row.reference = event.reference
    row.customer_id = event.customer_id
    row.country = event.country
    row.currency = event.total.currency
    row.total = event.total.amount
    row.lines = len(event.lines)
    row.units = sum(line.quantity for line in event.lines)
    row.created_at = row.updated_at = meta.occurred_at
