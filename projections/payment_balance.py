"""What an order's row says of its balance, computed from the sums in the row."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

from eventshop.core.money import Money
from orders.domain.order_balance import compute_balance
from projections.models import OrderSummary


def add_authorisation(row: OrderSummary, payment_id: UUID, amount: Decimal) -> None:
    """An amount was set aside."""
    row.authorisations = f"{row.authorisations} {payment_id}:{amount}".strip()
    row.authorised += amount


def end_authorisation(row: OrderSummary, payment_id: UUID | None) -> None:
    """What was set aside for this payment is taken or released; other payments were never set aside."""
    kept = []
    for entry in row.authorisations.split():
        identity, _, amount = entry.partition(":")
        if identity == str(payment_id):
            row.authorised -= Decimal(amount)
        else:
            kept.append(entry)
    row.authorisations = " ".join(kept)


def update_balance(row: OrderSummary) -> None:
    """Derive `payment_state` and `outstanding` from the sums in the row."""
    balance = compute_balance(
        Money(row.total, row.currency),
        row.returned_value,
        paid=row.paid - row.refunded - row.refund_due,
        authorised=row.authorised,
        has_payment=row.paid_at is not None or bool(row.authorisations),
        is_cancelled=row.status == OrderSummary.Status.CANCELLED,
    )
    row.outstanding = balance.outstanding.amount
    row.payment_state = OrderSummary.PaymentState(balance.payment_state)
