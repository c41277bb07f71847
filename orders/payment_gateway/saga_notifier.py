"""Delivers payment outcomes from webhooks to the saga that waits for them."""

from __future__ import annotations

from eventshop.sagas import effects
from orders.application.payment_gateway_port import Declined, Outcome
from orders.models import Payment
from orders.sagas.payment_effects import charge_result, refund_result

#: The actor that the saga's page shows for these results.
ACTOR = "payment gateway"


def notify_saga(payment: Payment, outcome: Outcome) -> None:
    """Record the result of the effect that requested this payment, after a webhook reported its end first.

    A declined refund is not recorded: the effect worker sees it on its next attempt, and raises `RefundDeclined`.
    """
    if payment.kind == Payment.Kind.CHARGE:
        result = charge_result(payment.key, outcome)
    else:
        result = None if isinstance(outcome, Declined) else refund_result(outcome)
    if result is not None:
        effects.record_effect_result(payment.key, result, actor=ACTOR)
