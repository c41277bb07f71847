"""Handlers of fulfilment's effects: requests to the gateway, under the effect's idempotency key."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID

from msgspec import Struct

from eventshop.core.errors import InvalidMessage
from eventshop.core.saga import EffectResult
from orders.application.payment_gateway_port import Authorised, Declined, Outcome, PaymentGateway, Succeeded, Unknown
from orders.domain.errors import RefundDeclined
from orders.payment_gateway.errors import CaptureDeclined, GatewayNotConfigured, OutcomeUnknown, VoidDeclined
from orders.sagas.fulfilment_effects import (
    AuthorisationVoided,
    CapturePayment,
    PaymentCaptured,
    PaymentRefused,
    PaymentReturned,
    PaymentSetAside,
    PaymentTaken,
    RefundPayment,
    TakePayment,
    VoidAuthorisation,
)


class PaymentEffects(Struct, frozen=True):
    """The handlers. `gateway` gives the gateway, and is called for each effect.

    The same key never moves money twice. Each handler gives None while the gateway has not decided,
    and raises `OutcomeUnknown` where it did not answer.
    """

    gateway: Callable[[], PaymentGateway]

    def take_payment(self, effect: TakePayment, key: UUID) -> EffectResult | None:
        """Charge the amount, or authorise it."""
        try:
            gateway = self.gateway()
            outcome = gateway.charge(
                key=key,
                amount=effect.amount,
                order_id=effect.order_id,
                method=effect.method,
                token=effect.token,
                capture=effect.capture,
                payment_id=effect.payment_id,
            )
        except (GatewayNotConfigured, InvalidMessage) as error:  # nothing was sent to the gateway
            return PaymentRefused(str(error)[:200], effect.payment_id, effect.method)
        return charge_result(key, effect.payment_id, _resolve_outcome(gateway, key, outcome))

    def capture_payment(self, effect: CapturePayment, key: UUID) -> EffectResult | None:
        """Take what was authorised. Raises `CaptureDeclined`."""
        gateway = self.gateway()
        outcome = gateway.capture(key=key, charge=effect.charge, amount=effect.amount, payment_id=effect.payment_id)
        return capture_result(effect.charge, effect.payment_id, _resolve_outcome(gateway, key, outcome))

    def void_authorisation(self, effect: VoidAuthorisation, key: UUID) -> EffectResult | None:
        """Release what was authorised. Raises `VoidDeclined`."""
        gateway = self.gateway()
        outcome = gateway.void(key=key, charge=effect.charge, payment_id=effect.payment_id)
        return void_result(effect.charge, effect.payment_id, _resolve_outcome(gateway, key, outcome))

    def refund_payment(self, effect: RefundPayment, key: UUID) -> EffectResult | None:
        """Refund the amount. Raises `RefundDeclined`."""
        gateway = self.gateway()
        outcome = gateway.refund(key=key, charge=effect.charge, amount=effect.amount, payment_id=effect.refund_id)
        return refund_result(effect.refund_id, _resolve_outcome(gateway, key, outcome))


def _resolve_outcome(gateway: PaymentGateway, key: UUID, outcome: Outcome) -> Outcome:
    """The outcome; an unknown one is looked up by its key, as the gateway may have processed the request.

    Raises `OutcomeUnknown`: the step is tried again, and staff see why.
    """
    resolved = (gateway.find(key) or outcome) if isinstance(outcome, Unknown) else outcome
    if isinstance(resolved, Unknown):
        raise OutcomeUnknown(outcome.reason if isinstance(outcome, Unknown) else resolved.reason)
    return resolved


def charge_result(key: UUID, payment_id: UUID | None, outcome: Outcome) -> EffectResult | None:
    """The saga's result for a charge; None if it has not ended."""
    match outcome:
        case Succeeded(amount=amount, method=method, at=at):
            return PaymentTaken(key, amount, payment_id, method, _time(at))
        case Authorised(amount=amount, method=method, at=at):
            return PaymentSetAside(payment_id, key, amount, method, _time(at))
        case Declined(reason=reason, method=method):
            return PaymentRefused(reason[:200] or "declined", payment_id, method)
        case _:
            return None


def capture_result(charge: UUID, payment_id: UUID, outcome: Outcome) -> EffectResult | None:
    """The saga's result for a capture; None if it has not ended. Raises `CaptureDeclined`."""
    match outcome:
        case Succeeded(amount=amount, method=method, at=at):
            return PaymentCaptured(payment_id, charge, amount, method, _time(at))
        case Declined(reason=reason):
            raise CaptureDeclined(reason=reason)
        case _:
            return None


def void_result(charge: UUID, payment_id: UUID, outcome: Outcome) -> EffectResult | None:
    """The saga's result for a void; None if it has not ended. Raises `VoidDeclined`."""
    match outcome:
        case Succeeded(amount=amount, at=at):
            return AuthorisationVoided(payment_id, charge, amount, _time(at))
        case Declined(reason=reason):
            raise VoidDeclined(reason=reason)
        case _:
            return None


def refund_result(refund_id: UUID | None, outcome: Outcome) -> EffectResult | None:
    """The saga's result for a refund; None if it has not ended. Raises `RefundDeclined`."""
    match outcome:
        case Succeeded(amount=amount, at=at):
            return PaymentReturned(amount, refund_id, _time(at))
        case Declined(reason=reason):
            raise RefundDeclined(reason=reason)
        case _:
            return None


def _time(at: datetime | None) -> datetime:
    """The gateway's time; now, for a gateway that tells none."""
    return at or datetime.now(UTC)
