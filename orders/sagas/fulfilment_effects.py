"""The effects that fulfilment requests from the payment gateway, and their results.

A result says what the gateway answered: the amount that it moved, by which method, and when by its clock. Fields with
defaults are missing in effects and results that an earlier release stored. A capture, a void or a refund that the
gateway declines has no result: its handler raises, and the saga is suspended until staff decide.
"""

from __future__ import annotations

from uuid import UUID

from eventshop.core.messages import Instant, NonEmptyText, Text
from eventshop.core.money import Money
from eventshop.core.saga import Effect, EffectResult


class TakePayment(Effect, frozen=True):
    """Charge an amount, or only authorise it (`capture=False`).

    `token` is a card from the hosted card page. The result is `PaymentTaken`, `PaymentSetAside` or `PaymentRefused`.
    """

    order_id: UUID
    amount: Money
    method: NonEmptyText
    payment_id: UUID | None = None
    token: Text = ""
    capture: bool = True
    customer_id: UUID | None = None


class CapturePayment(Effect, frozen=True):
    """Take all or part of what the charge authorised; the rest is released. The result is `PaymentCaptured`."""

    order_id: UUID
    payment_id: UUID
    charge: UUID
    amount: Money


class VoidAuthorisation(Effect, frozen=True):
    """Release what the charge authorised. The result is `AuthorisationVoided`."""

    order_id: UUID
    payment_id: UUID
    charge: UUID


class RefundPayment(Effect, frozen=True):
    """Refund all or part of what the effect with the key `charge` took. The result is `PaymentReturned`."""

    order_id: UUID
    charge: UUID
    amount: Money
    refund_id: UUID | None = None


class HandOverParcel(Effect, frozen=True):
    """Give name and address of a customer to the carrier. The result is `ParcelHandedOver`; then the order is shipped.

    There is no result while the customer does not allow it: the saga is suspended until they do, or staff decide.
    """

    order_id: UUID
    customer_id: UUID
    carrier: NonEmptyText


class ParcelHandedOver(EffectResult, frozen=True):
    carrier: NonEmptyText


class PaymentTaken(EffectResult, frozen=True):
    charge: UUID
    amount: Money
    payment_id: UUID | None = None
    method: Text = ""
    processed_at: Instant | None = None


class PaymentSetAside(EffectResult, frozen=True):
    """The amount is authorised: set aside on the card, and not taken yet."""

    payment_id: UUID | None
    charge: UUID
    amount: Money
    method: NonEmptyText
    authorised_at: Instant


class PaymentRefused(EffectResult, frozen=True):
    """No money was taken or set aside, and none will be for this payment."""

    reason: NonEmptyText
    payment_id: UUID | None = None
    method: Text = ""


class PaymentCaptured(EffectResult, frozen=True):
    payment_id: UUID
    charge: UUID
    amount: Money
    method: NonEmptyText
    processed_at: Instant


class AuthorisationVoided(EffectResult, frozen=True):
    """`amount` was set aside and is not any more."""

    payment_id: UUID
    charge: UUID
    amount: Money
    voided_at: Instant


class PaymentReturned(EffectResult, frozen=True):
    amount: Money
    refund_id: UUID | None = None
    refunded_at: Instant | None = None
