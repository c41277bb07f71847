"""What fulfilment has done outside the shop, and what it is answered."""

from __future__ import annotations

from uuid import UUID

from eventshop.core.messages import Name
from eventshop.core.money import Money
from eventshop.core.saga import Answer, Effect


class TakePayment(Effect, frozen=True):
    order_id: UUID
    amount: Money
    method: Name


class RefundPayment(Effect, frozen=True):
    """Give back all or a part of what the effect `charge` took."""

    order_id: UUID
    charge: UUID
    amount: Money


class PaymentTaken(Answer, frozen=True):
    charge: UUID
    amount: Money


class PaymentRefused(Answer, frozen=True):
    reason: Name


class PaymentReturned(Answer, frozen=True):
    amount: Money
