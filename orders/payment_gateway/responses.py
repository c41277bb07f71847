"""Decoding and checking what the gateway sends: payments in responses and in webhooks."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias
from uuid import UUID

import msgspec
from msgspec import Struct

from eventshop.core.messages import NonEmptyText, Text
from orders.application.payment_gateway_port import Declined, Outcome, Pending, Succeeded, from_minor_units
from orders.payment_gateway.errors import AmountMismatch, InvalidJson, PaymentMismatch

Kind: TypeAlias = Literal["charge", "refund"]
MinorUnits: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=10**14)]
Currency: TypeAlias = Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{3}\Z")]


class GatewayPayment(Struct, frozen=True):
    """A charge or a refund as the gateway shows it. Unknown fields are ignored."""

    key: UUID
    kind: Kind
    reference: NonEmptyText
    amount: MinorUnits
    currency: Currency
    status: Literal["succeeded", "declined", "pending"]
    reason: Text = ""


class PaymentWebhook(Struct, frozen=True):
    """The body of a webhook: its type, such as `charge.succeeded` or `refund.declined`, and the payment."""

    type: str
    data: GatewayPayment

    def __post_init__(self) -> None:
        if self.type != f"{self.data.kind}.{self.data.status}":
            raise ValueError(f"type is {self.type}, but data is a {self.data.kind} that is {self.data.status}")


def decode_payment(body: bytes) -> GatewayPayment:
    """The payment in a response body. Raises `InvalidJson`."""
    try:
        return msgspec.json.decode(body, type=GatewayPayment)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidJson(why=str(error)) from None


def decode_webhook(body: bytes) -> PaymentWebhook:
    """The webhook in a request body. Raises `InvalidJson`."""
    try:
        return msgspec.json.decode(body, type=PaymentWebhook)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidJson(why=str(error)) from None


def outcome_of(payment: GatewayPayment) -> Outcome:
    """The gateway's payment as an outcome of the port."""
    match payment.status:
        case "pending":
            return Pending(payment.key, payment.reference)
        case "declined":
            return Declined(payment.key, payment.reason or "no reason was given")
    return Succeeded(payment.key, from_minor_units(payment.amount, payment.currency), payment.reference)


def check_payment_matches(payment: GatewayPayment, *, key: UUID, kind: str, amount: int, currency: str) -> None:
    """Check that a payment is the one that was requested. Raises `PaymentMismatch` or `AmountMismatch`."""
    if (payment.key, payment.kind) != (key, kind):
        raise PaymentMismatch(requested=f"{kind} {key}", reported=f"{payment.kind} {payment.key}")
    if (payment.amount, payment.currency) != (amount, currency):
        raise AmountMismatch(requested=f"{amount} {currency}", reported=f"{payment.amount} {payment.currency}")
