"""Pays orders without a saga: asks for a payment, and answers for the payment gateway."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from eventshop.core.messages import new_id
from eventshop.core.money import Money
from eventshop.eventstore.command_dispatcher import send
from eventshop.eventstore.event_store import store
from orders.domain.commands import AuthorisePayment, DeclinePayment, ProcessPayment, RecordRefund, RequestPayment
from orders.domain.order import Order
from orders.domain.payments import PaymentState

#: When the gateway answers, by its clock.
ANSWERED_AT = datetime(2026, 1, 30, 12, 0, tzinfo=UTC)


def order_state(order_id: UUID) -> Order:
    return Order().evolve_all(recorded.event for recorded in store.get_events(order_id))


def pay_order(order_id: UUID, method: str = "card", amount: Money | None = None) -> None:
    """Ask for a payment of what is outstanding or of `amount`; it is taken."""
    send(RequestPayment(order_id, method, amount))
    take_payment(order_id)


def take_payment(order_id: UUID) -> None:
    """The gateway takes the payment that is under way."""
    payment = _payment_under_way(order_id)
    send(ProcessPayment(order_id, payment.requested, payment.method, payment.payment_id, new_id(), ANSWERED_AT))


def authorise_payment(order_id: UUID) -> None:
    """The gateway sets aside the payment that is under way."""
    payment = _payment_under_way(order_id)
    send(AuthorisePayment(order_id, payment.requested, payment.method, payment.payment_id, new_id(), ANSWERED_AT))


def decline_payment(order_id: UUID, reason: str = "insufficient funds") -> None:
    """The gateway declines the payment that is under way."""
    payment = _payment_under_way(order_id)
    send(DeclinePayment(order_id, reason, payment.payment_id, payment.method))


def pay_refunds(order_id: UUID) -> None:
    """The gateway gives back what was requested."""
    for refund in order_state(order_id).refunds:
        if not refund.is_done:
            send(RecordRefund(order_id, refund.refund_id, refund.amount, ANSWERED_AT))


def _payment_under_way(order_id: UUID) -> PaymentState:
    [payment] = [payment for payment in order_state(order_id).payments if payment.is_under_way]
    return payment
