"""The gateway with a memory: each payment is on record before it is asked for, and ends once."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Final, Protocol
from uuid import UUID

from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from eventshop.core.money import Money
from orders.application.payment_gateway_port import (
    Declined,
    Outcome,
    PaymentGateway,
    Pending,
    Succeeded,
    Unknown,
    from_minor_units,
    minor_units,
)
from orders.models import Payment
from orders.payment_gateway import message_log
from orders.payment_gateway.errors import MessageRefused, AmountMismatch, PaymentAlreadyEnded, PaymentKeyReused
from orders.payment_gateway.responses import GatewayPayment, check_payment_matches, outcome_of

Status: Final = Payment.Status
FINAL_STATUSES: Final = (Status.SUCCEEDED, Status.DECLINED)

#: Told of a payment that has ended, inside the transaction that puts it on record.
OnPaymentEnded = Callable[[Payment, Outcome], None]


class InspectableGateway(PaymentGateway, Protocol):
    """A gateway that can also say all it knows of a payment."""

    def look_up(self, key: UUID) -> GatewayPayment | Unknown | None: ...


class RecordedGateway:
    """A `PaymentGateway` that asks another one. What has ended is answered from the record.

    It may not be called inside a transaction (`RuntimeError`): a notice can come before the answer, and must find the
    payment on record. A key that was used for another payment raises `PaymentKeyReused`.
    """

    def __init__(self, gateway: InspectableGateway) -> None:
        self.gateway = gateway

    def charge(self, *, key: UUID, amount: Money, order_id: UUID, method: str) -> Outcome:
        payment, first = _record_payment(key, "charge", amount, order_id=order_id, method=method[:200])
        return self._recorded_outcome_or(
            payment, first, lambda: self.gateway.charge(key=key, amount=amount, order_id=order_id, method=method)
        )

    def refund(self, *, key: UUID, charge: UUID, amount: Money) -> Outcome:
        payment, first = _record_payment(key, "refund", amount, charge=charge)
        return self._recorded_outcome_or(payment, first, lambda: self.gateway.refund(key=key, charge=charge, amount=amount))

    def find(self, key: UUID) -> Outcome | None:
        payment = Payment.objects.filter(key=key).first()
        if payment is None:
            return self.gateway.find(key)
        return final_outcome(payment) or self._look_up_outcome(payment)

    def _recorded_outcome_or(self, payment: Payment, first: bool, ask: Callable[[], Outcome]) -> Outcome:
        """How it ended; else what the gateway has of it, and only if it has nothing: what it says when it is asked.

        Asking again would bring the same bad answer again, where a look says what became of it.
        """
        if found := final_outcome(payment):
            return found
        seen = None if first else self._look_up_outcome(payment)
        return seen if seen is not None else self._settle_or_refuse(payment, ask())

    def _look_up_outcome(self, payment: Payment) -> Outcome | None:
        told = self.gateway.look_up(payment.key)
        if not isinstance(told, GatewayPayment):
            return None if told is None else self._settle_or_refuse(payment, told)
        try:
            check_payment_matches(told, key=payment.key, kind=payment.kind, amount=payment.amount, currency=payment.currency)
        except MessageRefused as error:
            message_log.log_refused_response(payment.key, error, b"")
            return Unknown(payment.key, str(error))
        return self._settle_or_refuse(payment, outcome_of(told))

    def _settle_or_refuse(self, payment: Payment, told: Outcome) -> Outcome:
        try:
            return record_outcome(payment, told)
        except MessageRefused as error:
            message_log.log_refused_response(payment.key, error, b"")
            payment.refresh_from_db()
            return final_outcome(payment) or Unknown(payment.key, str(error))


def _record_payment(key: UUID, kind: str, amount: Money, **more: object) -> tuple[Payment, bool]:
    """The payment on record, and whether it was put there now."""
    fields = {"kind": kind, "amount": minor_units(amount), "currency": amount.currency, **more}
    if connection.in_atomic_block:
        # It must be there, for whatever happens next, before the gateway hears of it.
        raise RuntimeError("a payment is not asked for inside a transaction")
    payment = Payment(key=key, **fields)
    try:
        payment.save(force_insert=True)
        return payment, True
    except IntegrityError:
        found = Payment.objects.filter(key=key).first()
        if found is None:
            raise
    if any(getattr(found, name) != value for name, value in fields.items()):
        raise PaymentKeyReused(key=key, used_for=f"a {found.kind} of {found.amount} {found.currency}")
    return found, False


def final_outcome(payment: Payment) -> Outcome | None:
    """How a payment ended; None if it has not."""
    if payment.status == Status.SUCCEEDED:
        return Succeeded(payment.key, from_minor_units(payment.amount, payment.currency), payment.reference)
    if payment.status == Status.DECLINED:
        return Declined(payment.key, payment.reason)
    return None


def record_outcome(payment: Payment, outcome: Outcome, *, on_ended: OnPaymentEnded | None = None) -> Outcome:
    """Put on record what became of a payment: the first end counts, and is returned when it comes again.

    `tell` hears of an end that is new. Raises `PaymentFinished` for another end, `OtherAmount`.
    """
    fields = _outcome_fields(payment, outcome)
    with transaction.atomic() if on_ended is not None else nullcontext():
        waiting = Payment.objects.filter(key=payment.key).exclude(status__in=FINAL_STATUSES)
        if waiting.update(**fields):
            for name, value in fields.items():
                setattr(payment, name, value)
            if on_ended is not None and payment.status in FINAL_STATUSES:
                on_ended(payment, outcome)
            return outcome
    payment.refresh_from_db()
    found = final_outcome(payment)
    if isinstance(outcome, Succeeded | Declined) and type(outcome) is not type(found):
        raise PaymentAlreadyEnded(ended=payment.status, told=fields["status"])
    return found or outcome


def _outcome_fields(payment: Payment, outcome: Outcome) -> dict[str, object]:
    match outcome:
        case Succeeded(amount=amount, reference=reference):
            if (minor_units(amount), amount.currency) != (payment.amount, payment.currency):
                raise AmountMismatch(asked=f"{payment.amount} {payment.currency}", named=str(amount))
            return {"status": Status.SUCCEEDED, "reference": reference, "trouble": "", "ended_at": timezone.now()}
        case Declined(reason=reason):
            return {"status": Status.DECLINED, "reason": reason[:200], "trouble": "", "ended_at": timezone.now()}
        case Pending(reference=reference):
            return {"status": Status.PENDING, "reference": reference, "trouble": ""}
        case Unknown(reason=why):
            return {"trouble": why[:200]}
