"""The commands of an order's payments and refunds.

A person sends `RequestPayment`; fulfilment sends the others, with what the payment gateway answered. Fields with
defaults are missing in commands that an earlier release left pending.
"""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from eventshop.core.messages import Command, Instant, NonEmptyText, Text
from eventshop.core.money import Money
from eventshop.core.personal_fields import NotPersonal
from orders.domain.order_values import CardToken, PaymentMethod, StoredMethod, note


class RequestPayment(Command, frozen=True):
    """Ask for a payment. Without `amount` it is for all that is outstanding; `token` is from the hosted card page."""

    added_fields = ("amount", "token")

    order_id: UUID
    method: PaymentMethod
    amount: Money | None = None
    token: CardToken = ""


class ProcessPayment(Command, frozen=True):
    """Record that the gateway took a payment that was requested or authorised."""

    added_fields = ("payment_id", "charge_id", "processed_at")

    order_id: UUID
    amount: Money
    method: StoredMethod
    payment_id: UUID | None = None
    charge_id: UUID | None = None
    processed_at: Instant | None = None


class AuthorisePayment(Command, frozen=True):
    """Record that the gateway set an amount aside for a payment that was requested."""

    order_id: UUID
    amount: Money
    method: StoredMethod
    payment_id: UUID
    charge_id: UUID
    authorised_at: Instant


class DeclinePayment(Command, frozen=True):
    """Record that the gateway took nothing. The order stays payable."""

    added_fields = ("payment_id", "method")

    order_id: UUID
    reason: Annotated[NonEmptyText, note(2)]
    payment_id: UUID | None = None
    method: Annotated[Text, NotPersonal("the name of a means of payment")] = ""


class RecordVoid(Command, frozen=True):
    """Record that the gateway released what it had set aside."""

    order_id: UUID
    payment_id: UUID
    amount: Money
    charge_id: UUID


class RecordRefund(Command, frozen=True):
    """Record that the gateway gave back the amount of a refund that was requested."""

    order_id: UUID
    refund_id: UUID
    amount: Money
    refunded_at: Instant
