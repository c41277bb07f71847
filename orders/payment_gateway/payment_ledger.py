"""The payment ledger: records each payment before it is requested, and its final outcome once."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any, Final, Protocol
from uuid import UUID

from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from eventshop.core.money import Money, from_minor_units
from eventshop.runtime.connections import release_connections
from eventshop.runtime.service_errors import MessageRefused
from orders.application.payment_gateway_port import (
    Authorised,
    Declined,
    Outcome,
    PaymentGateway,
    Pending,
    Succeeded,
    Unknown,
    minor_units,
)
from orders.models import Payment
from orders.payment_gateway import message_log
from orders.payment_gateway.errors import (
    AmountMismatch,
    PaymentAlreadyEnded,
    PaymentKeyReused,
    UnknownPayment,
)
from orders.payment_gateway.responses import GatewayPayment, HostedPage, check_payment_matches, outcome_of

Kind, Status = Payment.Kind, Payment.Status
FINAL_OUTCOMES: Final = (Authorised, Succeeded, Declined)
FINAL_STATUSES: Final = (Status.AUTHORISED, Status.SUCCEEDED, Status.DECLINED)

#: Called for a payment that has ended, in the transaction that records its outcome.
OnPaymentEnded = Callable[[Payment, Outcome], None]


class InspectableGateway(PaymentGateway, Protocol):
    """A gateway that can also show a payment in full, and give a page on which a customer enters a card."""

    def look_up(self, key: UUID) -> GatewayPayment | Unknown | None:
        """The payment as the gateway shows it; None if the gateway does not know the key."""
        ...

    def create_session(self, body: dict[str, Any]) -> HostedPage:
        """A new hosted card page: see `hosted_page.py`."""
        ...

    def key_refusal(self) -> int:
        """The status with which the gateway refuses our key; 0: it does not, or does not answer."""
        ...


class RecordedGateway:
    """A `PaymentGateway` that records the payments of another one, and answers payments that have ended itself.

    It must not be called inside a transaction (`RuntimeError`): a webhook can arrive before the response, and must find
    the payment recorded. A key that was used for another payment raises `PaymentKeyReused`.

    With `lost_records` the gateway may know payments that are not recorded here: each is looked up before it is sent.
    """

    def __init__(self, gateway: InspectableGateway, *, lost_records: bool = False) -> None:
        self.gateway = gateway
        self.lost_records = lost_records

    def charge(
        self,
        *,
        key: UUID,
        amount: Money,
        order_id: UUID,
        method: str,
        token: str = "",
        capture: bool = True,
        payment_id: UUID | None = None,
    ) -> Outcome:
        payment, is_new = _record_payment(
            key,
            Kind.CHARGE,
            amount,
            order_id=order_id,
            method=method,
            token=token,
            captures=capture,
            payment_id=payment_id,
        )
        return self._resolve(
            payment,
            is_new,
            lambda: self.gateway.charge(
                key=key, amount=amount, order_id=order_id, method=method, token=token, capture=capture
            ),
        )

    def capture(self, *, key: UUID, charge: UUID, amount: Money, payment_id: UUID | None = None) -> Outcome:
        payment, is_new = _record_payment(key, Kind.CAPTURE, amount, charge=charge, payment_id=payment_id)
        return self._resolve(payment, is_new, lambda: self.gateway.capture(key=key, charge=charge, amount=amount))

    def void(self, *, key: UUID, charge: UUID, payment_id: UUID | None = None) -> Outcome:
        """As in the port. Raises `UnknownPayment` for a charge that was never requested."""
        charged = Payment.objects.filter(key=charge, kind=Kind.CHARGE).first() or self._look_up_lost(charge)
        if isinstance(charged, Unknown):
            return Unknown(key, charged.reason)
        if charged is None:
            raise UnknownPayment(key=charge)
        amount = from_minor_units(charged.amount, charged.currency)
        payment, is_new = _record_payment(key, Kind.VOID, amount, charge=charge, payment_id=payment_id)
        return self._resolve(payment, is_new, lambda: self.gateway.void(key=key, charge=charge))

    def refund(self, *, key: UUID, charge: UUID, amount: Money, payment_id: UUID | None = None) -> Outcome:
        payment, is_new = _record_payment(key, Kind.REFUND, amount, charge=charge, payment_id=payment_id)
        return self._resolve(payment, is_new, lambda: self.gateway.refund(key=key, charge=charge, amount=amount))

    def find(self, key: UUID) -> Outcome | None:
        payment = Payment.objects.filter(key=key).first()
        if payment is None:
            return self.gateway.find(key)
        return final_outcome(payment) or self._look_up_outcome(payment)

    def _resolve(self, payment: Payment, is_new: bool, send: Callable[[], Outcome]) -> Outcome:
        """The recorded final outcome; else the gateway's outcome by look-up; else the outcome of sending the request.

        An earlier request is looked up before it is sent again: the same request may get the same invalid response
        again, while a look-up tells what became of it.
        """
        if recorded := final_outcome(payment):
            return recorded
        release_connections()  # the gateway may take its time
        current = None if is_new and not self.lost_records else self._look_up_outcome(payment)
        return current if current is not None else self._record_or_refuse(payment, send())

    def _look_up_lost(self, key: UUID) -> GatewayPayment | Unknown | None:
        """A payment that may be missing here because its record was lost."""
        return self.gateway.look_up(key) if self.lost_records else None

    def _look_up_outcome(self, payment: Payment) -> Outcome | None:
        reported = self.gateway.look_up(payment.key)
        if not isinstance(reported, GatewayPayment):
            return None if reported is None else self._record_or_refuse(payment, reported)
        try:
            check_recorded_payment(payment, reported)
        except MessageRefused as error:
            message_log.log_refused_response(payment.key, error, b"")
            return Unknown(payment.key, str(error))
        return self._record_or_refuse(payment, outcome_of(reported))

    def _record_or_refuse(self, payment: Payment, outcome: Outcome) -> Outcome:
        try:
            return record_outcome(payment, outcome)
        except MessageRefused as error:
            message_log.log_refused_response(payment.key, error, b"")
            payment.refresh_from_db()
            return final_outcome(payment) or Unknown(payment.key, str(error))


def check_recorded_payment(payment: Payment, reported: GatewayPayment) -> None:
    """Check that what the gateway reports is this payment. Raises `PaymentMismatch` or `AmountMismatch`."""
    check_payment_matches(
        reported,
        key=payment.key,
        kind=payment.kind,
        amount=payment.amount,
        currency=payment.currency,
        method=payment.method,
    )


def _record_payment(key: UUID, kind: str, amount: Money, **more: object) -> tuple[Payment, bool]:
    """Record a payment before it is requested; gives the row, and whether it is new. Raises `PaymentKeyReused`."""
    fields = {"kind": kind, "amount": minor_units(amount), "currency": amount.currency, **more}
    if connection.in_atomic_block:
        # The row must be committed before the gateway receives the request, so that it survives a crash or rollback.
        raise RuntimeError("a payment must not be requested inside a transaction")
    payment = Payment(key=key, **fields)
    try:
        payment.save(force_insert=True)
        return payment, True
    except IntegrityError:
        existing = Payment.objects.filter(key=key).first()
        if existing is None:
            raise
    if any(getattr(existing, name) != value for name, value in fields.items()):
        raise PaymentKeyReused(key=key, used_for=f"a {existing.kind} of {existing.amount} {existing.currency}")
    return existing, False


def final_outcome(payment: Payment) -> Outcome | None:
    """The recorded outcome of a payment; None if it has not ended."""
    if payment.status == Status.DECLINED:
        return Declined(payment.key, payment.reason, payment.method)
    if payment.status not in (Status.AUTHORISED, Status.SUCCEEDED):
        return None
    amount = from_minor_units(payment.amount, payment.currency)
    kind = Authorised if payment.status == Status.AUTHORISED else Succeeded
    return kind(payment.key, amount, payment.reference, payment.method, payment.processed_at or payment.ended_at)


def record_outcome(payment: Payment, outcome: Outcome, *, on_ended: OnPaymentEnded | None = None) -> Outcome:
    """Record an outcome. The first final outcome counts, and is returned when it is reported again.

    `on_ended` is called for a new final outcome. Raises `PaymentAlreadyEnded` for a different one, `AmountMismatch`.
    """
    fields = _outcome_fields(payment, outcome)
    with transaction.atomic() if on_ended is not None else nullcontext():
        open_payments = Payment.objects.filter(key=payment.key).exclude(status__in=FINAL_STATUSES)
        if open_payments.update(**fields):
            for name, value in fields.items():
                setattr(payment, name, value)
            outcome = final_outcome(payment) or outcome
            if on_ended is not None and payment.status in FINAL_STATUSES:
                on_ended(payment, outcome)
            return outcome
    payment.refresh_from_db()
    recorded = final_outcome(payment)
    if isinstance(outcome, FINAL_OUTCOMES) and type(outcome) is not type(recorded):
        raise PaymentAlreadyEnded(ended=payment.status, reported=fields["status"])
    return recorded or outcome


def _outcome_fields(payment: Payment, outcome: Outcome) -> dict[str, object]:
    match outcome:
        case Succeeded() | Authorised():
            if (minor_units(outcome.amount), outcome.amount.currency) != (payment.amount, payment.currency):
                raise AmountMismatch(requested=f"{payment.amount} {payment.currency}", reported=str(outcome.amount))
            status = Status.AUTHORISED if isinstance(outcome, Authorised) else Status.SUCCEEDED
            answer = {"reference": outcome.reference, "processed_at": outcome.at}
            method = outcome.method or payment.method
            return {**answer, "method": method, "status": status, "trouble": "", "ended_at": timezone.now()}
        case Declined(reason=reason):
            return {"status": Status.DECLINED, "reason": reason[:200], "trouble": "", "ended_at": timezone.now()}
        case Pending(reference=reference):
            return {"status": Status.PENDING, "reference": reference, "trouble": ""}
        case Unknown(reason=reason):
            return {"trouble": reason[:200]}
