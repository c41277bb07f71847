"""The order's state of its payments and refunds, and how it follows from events.

Money is asked for, taken and given back in whole amounts of the currency's smallest unit. A total or a sum owed is
rounded half up to it, refunds over all returns together: two returns of 3.335 GBP are 3.34 and 3.33 GBP.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_DOWN, Decimal
from enum import StrEnum
from typing import Final, Literal, TypeAlias
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from eventshop.core.currencies import smallest_payment
from eventshop.core.deterministic_ids import derive_id
from eventshop.core.errors import UnknownCurrency
from eventshop.core.money import Money, round_to_payable
from eventshop.core.personal_fields import Redacted
from orders.domain.payment_events import (
    PaymentAuthorised,
    PaymentDeclined,
    PaymentProcessed,
    PaymentRefunded,
    PaymentRequested,
    PaymentVoided,
    RefundRequested,
)

PaymentStatus: TypeAlias = Literal["requested", "authorised", "taken", "declined", "voided"]
ZERO: Final = Decimal(0)


class PaymentStateName(StrEnum):
    """How far an order is paid, after what was given back and came back."""

    UNPAID = "UNPAID"
    PARTLY_PAID = "PARTLY_PAID"
    AUTHORISED = "AUTHORISED"  # covered by what was taken and what is set aside
    PAID = "PAID"
    OVERPAID = "OVERPAID"


class PaymentState(Struct, frozen=True):
    """One payment of an order. `owed` is what is to be given back of it, `refunded` what was."""

    payment_id: UUID
    method: str
    requested: Money
    status: PaymentStatus
    authorised: Money  # set aside, and not taken or released yet
    taken: Money
    owed: Money
    refunded: Money
    charge_id: UUID | None = None
    observed: bool = False
    #: Requested under an earlier release, which may have charged it or not: another request may follow.
    is_of_earlier_release: bool = False

    @property
    def is_under_way(self) -> bool:
        """Whether it was requested, and its outcome is not known yet."""
        return self.status == "requested"

    @property
    def refundable(self) -> Decimal:
        """What was taken, and neither given back nor owed: never below zero."""
        return max(ZERO, self.taken.amount - max(self.owed.amount, self.refunded.amount))


class RefundState(Struct, frozen=True):
    """A refund that was requested."""

    refund_id: UUID
    payment_id: UUID
    reference: str
    amount: Money
    reason: str | Redacted
    is_done: bool = False


Payments: TypeAlias = tuple[PaymentState, ...]
Refunds: TypeAlias = tuple[RefundState, ...]
PaymentEvent: TypeAlias = (
    PaymentRequested
    | PaymentAuthorised
    | PaymentProcessed
    | PaymentDeclined
    | PaymentVoided
    | RefundRequested
    | PaymentRefunded
)


def payment_id_of(order_id: UUID, number: int) -> UUID:
    """The id of an order's payment by its number, from 1."""
    return derive_id("payment", order_id, number)


def named_payment(payment_id: UUID | None, order_id: UUID) -> UUID:
    """The payment that a message names: those of earlier releases name none, and are about the only payment."""
    return payment_id or payment_id_of(order_id, 1)


def payable(amount: Money) -> Money:
    """Round half up to an amount that can be paid; an order in a currency that no longer exists is left as it is."""
    try:
        return round_to_payable(amount)
    except UnknownCurrency:
        return amount


def payable_part(amount: Decimal, currency: str) -> Decimal:
    """The largest amount that can be paid and is not above `amount`."""
    try:
        unit = smallest_payment(currency)
    except UnknownCurrency:
        return amount
    return (amount / unit).quantize(Decimal(1), ROUND_DOWN) * unit


def apply_payment_event(payments: Payments, event: PaymentEvent) -> Payments:
    """The payments after an event."""
    match event:
        case PaymentRequested():
            return _apply_request(payments, event)
        case PaymentAuthorised(amount=amount, charge_id=charge):
            return _change(
                payments,
                event.payment_id,
                lambda old: replace(old, status="authorised", authorised=amount, charge_id=charge),
            )
        case PaymentProcessed():
            return _apply_payment(payments, event)
        case PaymentDeclined():
            return _change(payments, event.payment_id or _last_open(payments), lambda old: _end(old, "declined"))
        case PaymentVoided():
            return _change(payments, event.payment_id, lambda old: _end(old, "voided"))
        case RefundRequested(amount=amount):
            return _change(payments, event.payment_id, lambda old: replace(old, owed=old.owed + amount))
        case PaymentRefunded(payment_id=UUID() as payment_id, amount=amount):
            return _change(payments, payment_id, lambda old: _apply_refund(old, amount))
        case PaymentRefunded(amount=amount):
            return _refund_newest_first(payments, amount)


def apply_refund_event(refunds: Refunds, event: RefundRequested | PaymentRefunded) -> Refunds:
    """The requested refunds after an event."""
    if isinstance(event, RefundRequested):
        return (
            *refunds,
            RefundState(event.refund_id, event.payment_id, event.reference, event.amount, event.reason),
        )
    return tuple(replace(old, is_done=True) if old.refund_id == event.refund_id else old for old in refunds)


def _apply_request(payments: Payments, event: PaymentRequested) -> Payments:
    if event.payment_id is not None:
        return (*payments, _new_payment(event.payment_id, event.method, event.amount))
    # Schema version 1: requests had no ids, and the last one told the method of the only payment.
    first = replace(
        _new_payment(payment_id_of(event.order_id, 1), event.method, event.amount), is_of_earlier_release=True
    )
    return (*(old for old in payments if old.payment_id != first.payment_id), first)


def _apply_payment(payments: Payments, event: PaymentProcessed) -> Payments:
    payment_id = named_payment(event.payment_id, event.order_id)
    if all(old.payment_id != payment_id for old in payments):
        payments = (*payments, _new_payment(payment_id, event.method, event.amount))
    nothing = Money(ZERO, event.amount.currency)
    return _change(
        payments,
        payment_id,
        lambda old: replace(
            old,
            status="taken",
            method=event.method,
            authorised=nothing,
            taken=event.amount,
            charge_id=event.charge_id or old.charge_id,
            observed=event.observed,
        ),
    )


def _apply_refund(payment: PaymentState, amount: Money) -> PaymentState:
    """What exceeds the payment belongs to none: an observed refund may have been counted as this one before."""
    refunded = min(payment.refunded + amount, payment.taken)
    return replace(payment, refunded=refunded, owed=max(payment.owed, refunded))


def _refund_newest_first(payments: Payments, amount: Money) -> Payments:
    """Refunds of earlier releases and observed ones name no payment. What exceeds all payments belongs to none."""
    rest, changed = amount.amount, list[PaymentState]()
    for old in reversed(payments):
        # A refund that was requested for a payment made elsewhere is given back elsewhere: this is it.
        requested = max(ZERO, old.owed.amount - old.refunded.amount) if old.charge_id is None else ZERO
        part = min(rest, requested + old.refundable)
        rest -= part
        owed = Money(old.owed.amount + part - min(part, requested), amount.currency)
        refunded = Money(old.refunded.amount + part, amount.currency)
        changed.append(replace(old, owed=owed, refunded=refunded) if part else old)
    return tuple(reversed(changed))


def reverse_refund(payments: Payments, amount: Money) -> Payments:
    """The payments after an observed refund turned out not to be one."""
    rest, changed = amount.amount, list[PaymentState]()
    for old in payments:
        part = min(rest, old.refunded.amount)
        rest -= part
        refunded = Money(old.refunded.amount - part, amount.currency)
        owed = Money(old.owed.amount - part, amount.currency)
        changed.append(replace(old, refunded=refunded, owed=owed) if part else old)
    return tuple(changed)


def _new_payment(payment_id: UUID, method: str, amount: Money) -> PaymentState:
    nothing = Money(ZERO, amount.currency)
    return PaymentState(payment_id, method, amount, "requested", nothing, nothing, nothing, nothing)


def _end(payment: PaymentState, status: PaymentStatus) -> PaymentState:
    return replace(payment, status=status, authorised=Money(ZERO, payment.requested.currency))


def _change(payments: Payments, payment_id: UUID | None, change: Callable[[PaymentState], PaymentState]) -> Payments:
    return tuple(change(old) if old.payment_id == payment_id else old for old in payments)


def _last_open(payments: Payments) -> UUID | None:
    return next((old.payment_id for old in reversed(payments) if old.is_under_way), None)
