"""Orders, payments and lifetime value of each customer, per currency."""

from __future__ import annotations

from uuid import UUID

from eventshop.core.messages import Meta
from eventshop.core.money import Money
from eventshop.projections.projection import Projection, earliest, latest
from orders.domain.events import (
    CreditNoteIssued,
    CreditNoteReversed,
    OrderCreated,
    PaymentProcessed,
    PaymentRefunded,
    ReturnReversed,
)
from projections.models import CustomerSummary

customer_summary = Projection(CustomerSummary, topic="customer-summary-projection", version=2)


def _customer_key(customer_id: UUID | None, amount: Money) -> tuple[UUID, str] | None:
    """One row per customer and currency; None (no row) for an anonymous sale."""
    return None if customer_id is None else (customer_id, amount.currency)


@customer_summary.on(OrderCreated, key=lambda event: _customer_key(event.customer_id, event.total))
def placed(row: CustomerSummary, event: OrderCreated, meta: Meta) -> None:
    row.orders += 1
    row.first_order_at = earliest(row.first_order_at, meta.occurred_at)
    row.last_order_at = latest(row.last_order_at, meta.occurred_at)


@customer_summary.on(PaymentProcessed, key=lambda event: _customer_key(event.customer_id, event.amount))
def paid(row: CustomerSummary, event: PaymentProcessed, meta: Meta) -> None:
    row.paid_orders += bool(event.lines)  # only the payment that completes the total has lines
    row.spent += event.amount.amount
    row.lifetime_value += event.amount.amount


@customer_summary.on(PaymentRefunded, key=lambda event: _customer_key(event.customer_id, event.amount))
def refunded(row: CustomerSummary, event: PaymentRefunded, meta: Meta) -> None:
    row.refunded += event.amount.amount
    row.lifetime_value -= event.amount.amount


@customer_summary.on(CreditNoteIssued, key=lambda event: _customer_key(event.customer_id, event.total))
def credited(row: CustomerSummary, event: CreditNoteIssued, meta: Meta) -> None:
    row.refunded += event.total.amount
    row.lifetime_value -= event.total.amount


@customer_summary.on(CreditNoteReversed, key=lambda event: _customer_key(event.customer_id, event.total))
def credit_reversed(row: CustomerSummary, event: CreditNoteReversed, meta: Meta) -> None:
    row.refunded -= event.total.amount
    row.lifetime_value += event.total.amount


@customer_summary.on(ReturnReversed, key=lambda event: _customer_key(event.customer_id, event.refunded))
def return_reversed(row: CustomerSummary, event: ReturnReversed, meta: Meta) -> None:
    row.refunded -= event.refunded.amount
    row.lifetime_value += event.refunded.amount
