"""What an order decides about payments and refunds."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, Final
from uuid import UUID

from msgspec.structs import replace

from eventshop.core.deterministic_ids import derive_id
from eventshop.core.errors import CurrencyMismatch
from eventshop.core.money import Money, check_payable
from orders.domain.errors import (
    InvalidOrderState,
    PaymentInProgress,
    PaymentNotRequested,
    TooManyPayments,
    UnknownRefund,
    WrongAmount,
)
from orders.domain.order_balance import owed_for_returns
from orders.domain.order_line import amounts_ordered
from orders.domain.order_status import Status
from orders.domain.payment_commands import (
    AuthorisePayment,
    DeclinePayment,
    ProcessPayment,
    RecordRefund,
    RecordVoid,
    RequestPayment,
)
from orders.domain.payment_events import (
    PaymentAuthorised,
    PaymentDeclined,
    PaymentProcessed,
    PaymentRefunded,
    PaymentRequested,
    PaymentVoided,
    RefundRequested,
)
from orders.domain.payments import ZERO, PaymentState, PaymentStatus, payable_part, payment_id_of

if TYPE_CHECKING:
    from orders.domain.events import OrderEvent
    from orders.domain.order import Order

#: Payments of one order, declined ones included: who tries stolen cards tries many.
MAX_PAYMENTS: Final = 50


def request_payment(order: Order, command: RequestPayment) -> list[OrderEvent]:
    """Ask for a payment; raises `PaymentInProgress`, `TooManyPayments`, `WrongAmount`, those of `check_payable`."""
    if order.observed_facts:
        raise InvalidOrderState(command, "recorded from elsewhere")
    for payment in order.payments:
        if payment.is_under_way and not payment.is_of_earlier_release:
            raise PaymentInProgress(method=payment.method, amount=payment.requested)
    if len(order.payments) >= MAX_PAYMENTS:
        raise TooManyPayments(payments=len(order.payments))
    balance = order.balance
    amount = balance.outstanding if command.amount is None else command.amount
    check_currency(order, amount)
    is_free = not balance.due and not amount.amount
    if balance.is_covered or not (is_free or ZERO < amount.amount <= balance.outstanding.amount):
        raise WrongAmount(requested=amount, outstanding=balance.outstanding)
    check_payable(amount)
    return [
        PaymentRequested(
            order_id=command.order_id,
            customer_id=order.customer_id,
            amount=amount,
            method=command.method,
            payment_id=payment_id_of(command.order_id, len(order.payments) + 1),
            token=command.token,
        )
    ]


def authorise_payment(order: Order, command: AuthorisePayment) -> list[OrderEvent]:
    """Record an authorisation; raises `PaymentNotRequested` and `WrongAmount`."""
    if _is_repeated(order, command.payment_id, command.charge_id, "authorised"):
        return []
    payment = _find_payment(order, command.payment_id, command.method, "requested")
    _check_amount(order, payment, command.amount)
    return [
        PaymentAuthorised(
            order_id=command.order_id,
            reference=order.reference,
            customer_id=order.customer_id,
            payment_id=payment.payment_id,
            amount=command.amount,
            method=command.method,
            charge_id=command.charge_id,
            authorised_at=command.authorised_at,
        )
    ]


def process_payment(order: Order, command: ProcessPayment) -> list[OrderEvent]:
    """Record a payment. What was taken for an order cancelled or for goods returned meanwhile is given back at once.

    Raises `PaymentNotRequested`, and `WrongAmount` for more than was asked for or than the order costs.
    """
    if _is_repeated(order, command.payment_id, command.charge_id, "taken"):
        return []
    payment = _find_payment(order, command.payment_id, command.method, "requested", "authorised")
    _check_amount(order, payment, command.amount)
    processed = PaymentProcessed(
        order_id=command.order_id,
        reference=order.reference,
        customer_id=order.customer_id,
        amount=command.amount,
        method=command.method,
        lines=(),
        payment_id=payment.payment_id,
        charge_id=command.charge_id,
        processed_at=command.processed_at,
    )
    events = sell_if_covered(order, processed)
    back = [one.reference for one in order.returns if one.asked and one.received]
    return [*events, *refund_returns(order.evolve_all(events), back[-1])] if back else events


def sell_if_covered(order: Order, payment: PaymentProcessed) -> list[OrderEvent]:
    """The payment, with the lines that count as sold if it covers the order; given back if the order is cancelled."""
    after = order.evolve(payment)
    if order.status is Status.CANCELLED:
        return [payment] if payment.observed else [payment, *refund_everything(after, "order cancelled")]
    if after.balance.is_paid and not order.is_sold:
        return [replace(payment, lines=amounts_ordered(order.lines))]
    return [payment]


def decline_payment(order: Order, command: DeclinePayment) -> list[OrderEvent]:
    """Record that a payment failed; raises `PaymentNotRequested`."""
    if _is_repeated(order, command.payment_id, None, "declined"):
        return []
    payment = _find_payment(order, command.payment_id, command.method, "requested", "authorised")
    return [
        PaymentDeclined(
            order_id=command.order_id,
            customer_id=order.customer_id,
            amount=payment.requested,
            reason=command.reason,
            payment_id=payment.payment_id,
            method=command.method or payment.method,
        )
    ]


def record_void(order: Order, command: RecordVoid) -> list[OrderEvent]:
    """Record that an authorisation was released; raises `PaymentNotRequested`."""
    if _is_repeated(order, command.payment_id, command.charge_id, "voided"):
        return []
    payment = _find_payment(order, command.payment_id, "", "authorised")
    return [PaymentVoided(command.order_id, order.customer_id, payment.payment_id, command.amount, command.charge_id)]


def record_refund(order: Order, command: RecordRefund) -> list[OrderEvent]:
    """Record that a requested refund was paid; raises `UnknownRefund`."""
    for refund in order.refunds:
        if refund.refund_id == command.refund_id:
            if refund.is_done:
                return []
            check_currency(order, command.amount)
            return [
                PaymentRefunded(
                    order_id=command.order_id,
                    reference=refund.reference,
                    customer_id=order.customer_id,
                    amount=command.amount,
                    reason=refund.reason,
                    refund_id=refund.refund_id,
                    payment_id=refund.payment_id,
                    refunded_at=command.refunded_at,
                )
            ]
    raise UnknownRefund(refund_id=command.refund_id)


def refund_everything(order: Order, reason: str) -> list[OrderEvent]:
    """Request the refund of all that was taken and neither given back nor owed."""
    return request_refunds(order, sum((old.refundable for old in order.payments), ZERO), order.reference, reason)


def refund_returns(order: Order, reference: str) -> list[OrderEvent]:
    """Request the refund of what is owed for all returns together, less what was requested for the earlier ones."""
    return request_refunds(order, owed_for_returns(order), reference, f"return {reference}"[:200])


def request_refunds(order: Order, amount: Decimal, reference: str, reason: str) -> list[OrderEvent]:
    """Request refunds of an amount: of the newest payments first, and of none more than it took."""
    return [
        RefundRequested(
            order_id=order.order_id,
            reference=reference,
            customer_id=order.customer_id,
            refund_id=derive_id("refund", order.order_id, number),
            payment_id=payment.payment_id,
            amount=Money(part, order.total.currency),
            reason=reason,
        )
        for number, (payment, part) in enumerate(_split_refund(order, amount), start=len(order.refunds) + 1)
    ]


def check_currency(order: Order, amount: Money) -> None:
    """Raise `CurrencyMismatch` for an amount that is not in the order's currency."""
    if amount.currency != order.total.currency:
        raise CurrencyMismatch(f"the order is in {order.total.currency}, not in {amount.currency}")


def _split_refund(order: Order, amount: Decimal) -> Iterator[tuple[PaymentState, Decimal]]:
    for payment in reversed(order.payments):
        part = payable_part(min(amount, payment.refundable), order.total.currency)
        if part > 0:
            amount -= part
            yield payment, part


def _is_repeated(order: Order, payment_id: UUID | None, charge_id: UUID | None, status: PaymentStatus) -> bool:
    """Whether this outcome of a payment is recorded already."""
    return any(
        old.payment_id == payment_id and old.status == status and charge_id in (None, old.charge_id)
        for old in order.payments
    )


def _find_payment(order: Order, payment_id: UUID | None, method: str, *statuses: PaymentStatus) -> PaymentState:
    """The payment with this id and method that waits for an outcome; raises `PaymentNotRequested`."""
    for payment in reversed(order.payments):
        if payment.status in statuses and payment_id in (None, payment.payment_id) and method in ("", payment.method):
            return payment
    raise PaymentNotRequested(order=order.reference, method=method, payment_id=payment_id)


def _check_amount(order: Order, payment: PaymentState, amount: Money) -> None:
    """Raise `WrongAmount` for nothing, for more than was asked for, and for more than the order costs."""
    check_currency(order, amount)
    asked = payment.authorised.amount or payment.requested.amount
    if not (ZERO < amount.amount <= asked or amount.amount == asked == ZERO):
        raise WrongAmount(taken=amount, requested=payment.requested)
    balance = order.balance
    others = balance.paid + balance.authorised - payment.authorised.amount
    limit = max(balance.price, balance.due) + max(ZERO, owed_for_returns(order))
    if order.status is not Status.CANCELLED and others + amount.amount > limit:
        raise WrongAmount(taken=amount, due=Money(balance.due, balance.currency), paid=others)
