"""From what the gateway tells to the process that waits for it."""

from __future__ import annotations

from eventshop.sagas import effects
from orders.application.payment_gateway_port import Declined, Outcome
from orders.models import Payment
from orders.sagas.payment_effects import charge_answer, refund_answer

#: Who told the saga, as its page says.
ACTOR = "payment gateway"


def notify_saga(payment: Payment, outcome: Outcome) -> None:
    """A payment has ended, and a notice was the first to say so.

    A refund that was declined is no answer: whoever asks for it again finds out, and makes it somebody's business.
    """
    if payment.kind == Payment.Kind.CHARGE:
        said = charge_answer(payment.key, outcome)
    else:
        said = None if isinstance(outcome, Declined) else refund_answer(outcome)
    if said is not None:
        effects.record_effect_result(payment.key, said, actor=ACTOR)
