"""The effects that fulfilment requests from the payment gateway, and their results."""

from __future__ import annotations

from uuid import UUID

from eventshop.core.messages import NonEmptyText
from eventshop.core.money import Money
from eventshop.core.saga import Effect, EffectResult


class TakePayment(Effect, frozen=True):
    order_id: UUID
    amount: Money
    method: NonEmptyText


class RefundPayment(Effect, frozen=True):
    """Refund all or part of what the effect with the key `charge` took."""

    order_id: UUID
    charge: UUID
    amount: Money


class PaymentTaken(EffectResult, frozen=True):
    charge: UUID
    amount: Money


class PaymentRefused(EffectResult, frozen=True):
    reason: NonEmptyText


class PaymentReturned(EffectResult, frozen=True):
    amount: Money
