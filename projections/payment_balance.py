"""What an order's row says of its balance: as `orders.domain.order_balance`, from the sums in the row."""

from __future__ import annotations

from decimal import Decimal
from typing import Final
from uuid import UUID

from eventshop.core.money import Money
from orders.domain.payments import payable
from projections.models import OrderSummary

ZERO: Final = Decimal(0)


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
    is_cancelled = row.status == OrderSummary.Status.CANCELLED
    price = ZERO if is_cancelled else max(ZERO, row.total - row.returned_value)
    due = ZERO if is_cancelled else max(ZERO, _payable(row.total, row) - _payable(row.returned_value, row))
    paid = row.paid - row.refunded - row.refund_due
    has_payment = row.paid_at is not None or bool(row.authorisations)
    is_covered = has_payment and paid + row.authorised >= min(price, due)
    row.outstanding = ZERO if is_covered else max(ZERO, due - paid - row.authorised)
    state = OrderSummary.PaymentState
    if paid > max(price, due):
        row.payment_state = state.OVERPAID
    elif is_cancelled or not has_payment:
        row.payment_state = state.UNPAID
    elif paid >= min(price, due):
        row.payment_state = state.PAID
    elif is_covered:
        row.payment_state = state.AUTHORISED
    else:
        row.payment_state = state.PARTLY_PAID if paid + row.authorised > 0 else state.UNPAID


def _payable(amount: Decimal, row: OrderSummary) -> Decimal:
    return payable(Money(amount, row.currency)).amount
