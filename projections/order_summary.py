"""The current state of each order."""

from __future__ import annotations

from typing import Final, TypeAlias

from eventshop.core.messages import Meta
from eventshop.projections.personal_columns import personal_text
from eventshop.projections.projection import Projection
from orders.domain.events import (
    CreditNoteIssued,
    CreditNoteReversed,
    ItemsReturned,
    LinesAdded,
    OrderCancelled,
    OrderCreated,
    OrderDelivered,
    OrderShipped,
    PaymentAuthorised,
    PaymentDeclined,
    PaymentProcessed,
    PaymentRefunded,
    PaymentRequested,
    PaymentVoided,
    RefundRequested,
    ReturnAccepted,
    ReturnDeclined,
    ReturnRequested,
    ReturnReversed,
    ReturnWindowClosed,
    RuleBroken,
)
from projections.models import OrderSummary
from projections.payment_balance import add_authorisation, end_authorisation, update_balance
from projections.units import count_units

#: Payment states in which the order's total is taken.
FULLY_PAID: Final = (OrderSummary.PaymentState.PAID, OrderSummary.PaymentState.OVERPAID)
#: Events that may have been observed elsewhere instead of decided here.
ObservableEvent: TypeAlias = (
    PaymentProcessed
    | OrderShipped
    | OrderDelivered
    | OrderCancelled
    | ItemsReturned
    | PaymentRefunded
    | LinesAdded
    | ReturnReversed
)

order_summary = Projection(OrderSummary, topic="order-summary-projection", version=3, shared_rows=False)


@order_summary.on(OrderCreated, key=lambda event: event.order_id)
def created(row: OrderSummary, event: OrderCreated, meta: Meta) -> None:
    _fill_document(row, event, meta)
    row.status = OrderSummary.Status.CREATED
    update_balance(row)
    row.delivery_name, row.delivery_address = personal_text(event.delivery_name), personal_text(event.delivery_address)


@order_summary.on(CreditNoteIssued, key=lambda event: event.order_id)
def credited(row: OrderSummary, event: CreditNoteIssued, meta: Meta) -> None:
    _fill_document(row, event, meta)
    row.kind = OrderSummary.Kind.CREDIT_NOTE
    row.status = OrderSummary.Status.CREDITED
    row.refunded = event.total.amount
    row.units_returned = row.units
    row.reason = personal_text(event.reason)


@order_summary.on(CreditNoteReversed, key=lambda event: event.order_id)
def credit_reversed(row: OrderSummary, event: CreditNoteReversed, meta: Meta) -> None:
    row.status = OrderSummary.Status.REVERSED
    row.total -= event.total.amount
    row.refunded -= event.total.amount
    row.lines = row.units = row.units_returned = 0
    row.updated_at = meta.occurred_at


@order_summary.on(LinesAdded, key=lambda event: event.order_id)
def lines_added(row: OrderSummary, event: LinesAdded, meta: Meta) -> None:
    row.total += event.total.amount
    row.lines += len(event.lines)
    row.units += count_units(event.lines)
    update_balance(row)
    _note_fact(row, event, meta)


@order_summary.on(PaymentRequested, key=lambda event: event.order_id)
def payment_requested(row: OrderSummary, event: PaymentRequested, meta: Meta) -> None:
    row.payment = f"{event.method}: requested"[:200]
    row.updated_at = meta.occurred_at


@order_summary.on(PaymentDeclined, key=lambda event: event.order_id)
def payment_declined(row: OrderSummary, event: PaymentDeclined, meta: Meta) -> None:
    method = f"{event.method} " if event.method else ""
    row.payment = f"{method}declined"[:200]
    row.declined += 1
    end_authorisation(row, event.payment_id)
    update_balance(row)
    row.updated_at = meta.occurred_at


@order_summary.on(PaymentAuthorised, key=lambda event: event.order_id)
def payment_authorised(row: OrderSummary, event: PaymentAuthorised, meta: Meta) -> None:
    add_authorisation(row, event.payment_id, event.amount.amount)
    row.payment = f"{event.method}: set aside"[:200]
    update_balance(row)
    row.updated_at = meta.occurred_at


@order_summary.on(PaymentVoided, key=lambda event: event.order_id)
def payment_voided(row: OrderSummary, event: PaymentVoided, meta: Meta) -> None:
    end_authorisation(row, event.payment_id)
    update_balance(row)
    row.updated_at = meta.occurred_at


@order_summary.on(PaymentProcessed, key=lambda event: event.order_id)
def paid(row: OrderSummary, event: PaymentProcessed, meta: Meta) -> None:
    end_authorisation(row, event.payment_id)
    row.paid += event.amount.amount
    row.payment = event.method
    row.paid_at = meta.occurred_at
    update_balance(row)
    if row.status == OrderSummary.Status.CREATED and row.payment_state in FULLY_PAID:
        row.status = OrderSummary.Status.PAID
    _note_fact(row, event, meta)


@order_summary.on(OrderShipped, key=lambda event: event.order_id)
def shipped(row: OrderSummary, event: OrderShipped, meta: Meta) -> None:
    _advance(row, OrderSummary.Status.SHIPPED)
    row.carrier = f"{personal_text(event.carrier)} {personal_text(event.service)}".rstrip()
    row.tracking = personal_text(event.tracking)
    row.shipped_at = meta.occurred_at
    _note_fact(row, event, meta)


@order_summary.on(OrderDelivered, key=lambda event: event.order_id)
def delivered(row: OrderSummary, event: OrderDelivered, meta: Meta) -> None:
    row.received_by = personal_text(event.received_by)
    _advance(row, OrderSummary.Status.DELIVERED)
    row.delivered_at = meta.occurred_at
    _note_fact(row, event, meta)


@order_summary.on(OrderCancelled, key=lambda event: event.order_id)
def cancelled(row: OrderSummary, event: OrderCancelled, meta: Meta) -> None:
    row.status = OrderSummary.Status.CANCELLED
    row.reason = personal_text(event.reason)
    row.cancelled_at = meta.occurred_at
    update_balance(row)
    _note_fact(row, event, meta)


@order_summary.on(ReturnRequested, key=lambda event: event.order_id)
def return_requested(row: OrderSummary, event: ReturnRequested, meta: Meta) -> None:
    row.returns_asked += 1
    row.returns_to_decide += 1
    row.updated_at = meta.occurred_at


@order_summary.on(ReturnAccepted, key=lambda event: event.order_id)
def return_accepted(row: OrderSummary, event: ReturnAccepted, meta: Meta) -> None:
    row.returns_accepted += 1
    row.returns_to_decide -= 1
    row.updated_at = meta.occurred_at


@order_summary.on(ReturnDeclined, key=lambda event: event.order_id)
def return_declined(row: OrderSummary, event: ReturnDeclined, meta: Meta) -> None:
    row.returns_to_decide -= 1
    row.updated_at = meta.occurred_at


@order_summary.on(ItemsReturned, key=lambda event: event.order_id)
def returned(row: OrderSummary, event: ItemsReturned, meta: Meta) -> None:
    row.units_returned += count_units(event.lines)
    row.returned_value += sum(line.amount.amount for line in event.lines)
    update_balance(row)
    _note_fact(row, event, meta)


@order_summary.on(ReturnReversed, key=lambda event: event.order_id)
def return_reversed(row: OrderSummary, event: ReturnReversed, meta: Meta) -> None:
    row.units_returned -= count_units(event.lines)
    row.returned_value -= sum(line.amount.amount for line in event.lines)
    row.refunded -= event.refunded.amount
    update_balance(row)
    _note_fact(row, event, meta)


@order_summary.on(ReturnWindowClosed, key=lambda event: event.order_id)
def return_window_closed(row: OrderSummary, event: ReturnWindowClosed, meta: Meta) -> None:
    row.returns_closed_at = row.updated_at = meta.occurred_at


@order_summary.on(RefundRequested, key=lambda event: event.order_id)
def refund_requested(row: OrderSummary, event: RefundRequested, meta: Meta) -> None:
    row.refund_due += event.amount.amount
    update_balance(row)
    row.updated_at = meta.occurred_at


@order_summary.on(PaymentRefunded, key=lambda event: event.order_id)
def refunded(row: OrderSummary, event: PaymentRefunded, meta: Meta) -> None:
    row.refunded += event.amount.amount
    if event.refund_id is not None:  # one that the shop requested
        row.refund_due -= event.amount.amount
    update_balance(row)
    _note_fact(row, event, meta)


@order_summary.on(RuleBroken, key=lambda event: event.order_id)
def rule_broken(row: OrderSummary, event: RuleBroken, meta: Meta) -> None:
    row.review = " ".join(sorted({*row.review.split(), event.rule}))
    row.updated_at = meta.occurred_at


def _advance(row: OrderSummary, status: OrderSummary.Status) -> None:
    """A parcel never leads back, and a cancelled order stays cancelled whatever is observed of its parcel."""
    if row.status not in (OrderSummary.Status.CANCELLED, OrderSummary.Status.DELIVERED):
        row.status = status


def _note_fact(row: OrderSummary, event: ObservableEvent, meta: Meta) -> None:
    row.observed = row.observed or event.observed
    row.updated_at = meta.occurred_at


def _fill_document(row: OrderSummary, event: OrderCreated | CreditNoteIssued, meta: Meta) -> None:
    row.reference = event.reference
    row.customer_id = event.customer_id
    row.external_ids = ", ".join(map(str, event.external_ids))
    row.country = event.country
    row.currency = event.total.currency
    row.total = event.total.amount
    row.lines = len(event.lines)
    row.units = count_units(event.lines)
    row.created_at = row.updated_at = meta.occurred_at
