"""The events of an order's payments and refunds.

What they say of method, amount, charge id and time is what the payment gateway answered; `observed=True` marks what
somebody reported instead. Fields with defaults are missing in events of earlier schema versions.
"""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from eventshop.core.messages import Event, Instant, Text
from eventshop.core.money import Money
from eventshop.core.personal_fields import NotPersonal
from orders.domain.order_values import CardToken, LineAmount, Note, Reference, StoredMethod, note


class PaymentRequested(Event, frozen=True):
    """The customer decided to pay this amount by this method. Nothing is charged without it."""

    schema_version = 2

    order_id: UUID
    customer_id: UUID | None
    amount: Money
    method: StoredMethod
    payment_id: UUID | None = None
    token: CardToken = ""


class PaymentAuthorised(Event, frozen=True):
    """The amount was set aside on the customer's card. It is captured when the order is shipped."""

    order_id: UUID
    reference: Reference
    customer_id: UUID | None
    payment_id: UUID
    amount: Money
    method: StoredMethod
    charge_id: UUID
    authorised_at: Instant


class PaymentProcessed(Event, frozen=True):
    """An amount was paid. `lines` is what counts as sold from here on: filled by the payment that covers the total."""

    schema_version = 2

    order_id: UUID
    reference: Reference
    customer_id: UUID | None
    amount: Money
    method: StoredMethod
    lines: tuple[LineAmount, ...]
    payment_id: UUID | None = None
    charge_id: UUID | None = None
    processed_at: Instant | None = None
    observed: bool = False


class PaymentDeclined(Event, frozen=True):
    """A payment failed. The order still waits for a payment."""

    schema_version = 3

    order_id: UUID
    customer_id: UUID | None
    amount: Money
    reason: Annotated[Note, note(3)]
    payment_id: UUID | None = None
    method: Annotated[Text, NotPersonal("the name of a means of payment")] = ""


class PaymentVoided(Event, frozen=True):
    """What was set aside on the customer's card was released without being taken."""

    order_id: UUID
    customer_id: UUID | None
    payment_id: UUID
    amount: Money
    charge_id: UUID


class RefundRequested(Event, frozen=True):
    """The shop owes the customer an amount, to be given back to the payment that it came from."""

    schema_version = 2

    order_id: UUID
    reference: Reference  # of the return, or of the cancelled order
    customer_id: UUID | None
    refund_id: UUID
    payment_id: UUID
    amount: Money  # whole minor units
    reason: Annotated[Note, note(2)]


class PaymentRefunded(Event, frozen=True):
    """An amount was given back to the customer, for a return or a cancelled order."""

    schema_version = 3

    order_id: UUID
    reference: Reference
    customer_id: UUID | None
    amount: Money
    reason: Annotated[Note, note(3)]
    refund_id: UUID | None = None
    payment_id: UUID | None = None
    refunded_at: Instant | None = None
    observed: bool = False
