"""Delivers payment outcomes from webhooks to the saga that waits for them."""

from __future__ import annotations

from eventshop.core.saga import EffectResult
from eventshop.sagas import effects
from orders.application.payment_gateway_port import Declined, Outcome
from orders.models import Payment
from orders.sagas.payment_effects import capture_result, charge_result, refund_result, void_result

#: The actor that the saga's page shows for these results.
ACTOR = "payment gateway"


def notify_saga(payment: Payment, outcome: Outcome) -> None:
    """Record the result of the effect that requested this payment, after a webhook reported its end first.

    A declined capture, void or refund is not recorded: the effect worker sees it on its next attempt, and raises.
    """
    result = _effect_result(payment, outcome)
    if result is not None:
        effects.record_effect_result(payment.key, result, actor=ACTOR)


def _effect_result(payment: Payment, outcome: Outcome) -> EffectResult | None:
    if payment.kind == Payment.Kind.CHARGE:
        return charge_result(payment.key, payment.payment_id, outcome)
    if isinstance(outcome, Declined):
        return None
    if payment.kind == Payment.Kind.REFUND:
        return refund_result(payment.payment_id, outcome)
    if payment.charge is None or payment.payment_id is None:  # not requested by a saga
        return None
    result = capture_result if payment.kind == Payment.Kind.CAPTURE else void_result
    return result(payment.charge, payment.payment_id, outcome)
