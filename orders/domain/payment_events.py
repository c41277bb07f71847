"""The events of an order's payments and refunds.

What they say of method, amount, charge id and time is what the payment gateway answered; `observed=True` marks what
somebody reported instead. Fields with defaults are missing in events of earlier schema versions.
"""

from __future__ import annotations

from uuid import UUID

from eventshop.core.messages import Event, Instant, NonEmptyText, Text
from eventshop.core.money import Money
from orders.domain.order_values import CardToken, LineAmount


class PaymentRequested(Event, frozen=True):
    """The customer decided to pay this amount by this method. Nothing is charged without it."""

    schema_version = 2

    order_id: UUID
    customer_id: UUID | None
    amount: Money
    method: NonEmptyText
    payment_id: UUID | None = None
    token: CardToken = ""


class PaymentAuthorised(Event, frozen=True):
    """The amount was set aside on the customer's card. It is captured when the order is shipped."""

    order_id: UUID
    reference: NonEmptyText
    customer_id: UUID | None
    payment_id: UUID
    amount: Money
    method: NonEmptyText
    charge_id: UUID
    authorised_at: Instant


class PaymentProcessed(Event, frozen=True):
    """An amount was paid. `lines` is what counts as sold from here on: filled by the payment that covers the total."""

    schema_version = 2

    order_id: UUID
    reference: NonEmptyText
    customer_id: UUID | None
    amount: Money
    method: NonEmptyText
    lines: tuple[LineAmount, ...]
    payment_id: UUID | None = None
    charge_id: UUID | None = None
    processed_at: Instant | None = None
    observed: bool = False


class PaymentDeclined(Event, frozen=True):
    """A payment failed. The order still waits for a payment."""

    schema_version = 2

    order_id: UUID
    customer_id: UUID | None
    amount: Money
    reason: NonEmptyText
    payment_id: UUID | None = None
    method: Text = ""


class PaymentVoided(Event, frozen=True):
    """What was set aside on the customer's card was released without being taken."""

    order_id: UUID
    customer_id: UUID | None
    payment_id: UUID
    amount: Money
    charge_id: UUID


class RefundRequested(Event, frozen=True):
    """The shop owes the customer an amount, to be given back to the payment that it came from."""

    order_id: UUID
    reference: NonEmptyText  # of the return, or of the cancelled order
    customer_id: UUID | None
    refund_id: UUID
    payment_id: UUID
    amount: Money  # whole minor units
    reason: NonEmptyText


class PaymentRefunded(Event, frozen=True):
    """An amount was given back to the customer, for a return or a cancelled order."""

    schema_version = 2

    order_id: UUID
    reference: NonEmptyText
    customer_id: UUID | None
    amount: Money
    reason: NonEmptyText
    refund_id: UUID | None = None
    payment_id: UUID | None = None
    refunded_at: Instant | None = None
    observed: bool = False
