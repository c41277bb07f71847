"""Handlers of fulfilment's effects: payments and refunds through the gateway, under the effect's idempotency key."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from msgspec import Struct

from eventshop.core.errors import InvalidMessage
from eventshop.core.saga import EffectResult
from orders.application.payment_gateway_port import Declined, Outcome, PaymentGateway, Succeeded, Unknown
from orders.domain.errors import RefundDeclined
from orders.payment_gateway.errors import GatewayNotConfigured
from orders.sagas.fulfilment_effects import PaymentRefused, PaymentReturned, PaymentTaken, RefundPayment, TakePayment


class PaymentEffects(Struct, frozen=True):
    """Handlers of `TakePayment` and `RefundPayment`. `gateway` gives the gateway, and is called for each effect."""

    gateway: Callable[[], PaymentGateway]

    def take_payment(self, effect: TakePayment, key: UUID) -> EffectResult | None:
        """Charge the amount; the same key never charges twice. None while the outcome is unknown."""
        try:
            gateway = self.gateway()
            outcome = gateway.charge(key=key, amount=effect.amount, order_id=effect.order_id, method=effect.method)
        except (GatewayNotConfigured, InvalidMessage) as error:  # nothing was sent to the gateway
            return PaymentRefused(str(error)[:200])
        return charge_result(key, _resolve_outcome(gateway, key, outcome))

    def refund_payment(self, effect: RefundPayment, key: UUID) -> EffectResult | None:
        """Refund the amount; the same key never refunds twice. None while the outcome is unknown.

        Raises `RefundDeclined`.
        """
        gateway = self.gateway()
        return refund_result(
            _resolve_outcome(gateway, key, gateway.refund(key=key, charge=effect.charge, amount=effect.amount))
        )


def _resolve_outcome(gateway: PaymentGateway, key: UUID, outcome: Outcome) -> Outcome:
    """The outcome; an unknown one is looked up by its key, as the gateway may have processed the request."""
    return (gateway.find(key) or outcome) if isinstance(outcome, Unknown) else outcome


def charge_result(key: UUID, outcome: Outcome) -> EffectResult | None:
    """The saga's result for a charge; None if it has not ended."""
    match outcome:
        case Succeeded(amount=amount):
            return PaymentTaken(charge=key, amount=amount)
        case Declined(reason=reason):
            return PaymentRefused(reason[:200] or "declined")
        case _:
            return None


def refund_result(outcome: Outcome) -> EffectResult | None:
    """The saga's result for a refund; None if it has not ended. Raises `RefundDeclined`."""
    match outcome:
        case Succeeded(amount=amount):
            return PaymentReturned(amount)
        case Declined(reason=reason):
            raise RefundDeclined(reason=reason)
        case _:
            return None
