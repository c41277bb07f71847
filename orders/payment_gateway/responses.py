"""What the gateway says about a payment, and whether it can be believed."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias
from uuid import UUID

import msgspec
from msgspec import Struct

from eventshop.core.messages import NonEmptyText, Text
from orders.application.payment_gateway_port import Declined, Outcome, Pending, Succeeded, from_minor_units
from orders.payment_gateway.errors import InvalidJson, AmountMismatch, PaymentMismatch

Kind: TypeAlias = Literal["charge", "refund"]
Pennies: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=10**14)]
Currency: TypeAlias = Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{3}\Z")]


class GatewayPayment(Struct, frozen=True):
    """A charge or a refund as the gateway shows it; what it may say besides is not read."""

    key: UUID
    kind: Kind
    reference: NonEmptyText
    amount: Pennies
    currency: Currency
    status: Literal["succeeded", "declined", "pending"]
    reason: Text = ""


class PaymentWebhook(Struct, frozen=True):
    """What the gateway tells of its own accord: `charge.succeeded`, `refund.declined` and so on, and of which."""

    type: str
    data: GatewayPayment

    def __post_init__(self) -> None:
        if self.type != f"{self.data.kind}.{self.data.status}":
            raise ValueError("type does not fit data")


def decode_payment(body: bytes) -> GatewayPayment:
    """What an answer tells of; raises `NotJson`."""
    try:
        return msgspec.json.decode(body, type=GatewayPayment)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidJson(why=str(error)) from None


def decode_webhook(body: bytes) -> PaymentWebhook:
    """What a notice tells of; raises `NotJson`."""
    try:
        return msgspec.json.decode(body, type=PaymentWebhook)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidJson(why=str(error)) from None


def outcome_of(told: GatewayPayment) -> Outcome:
    """What it means to the shop."""
    match told.status:
        case "pending":
            return Pending(told.key, told.reference)
        case "declined":
            return Declined(told.key, told.reason or "no reason given")
    return Succeeded(told.key, from_minor_units(told.amount, told.currency), told.reference)


def check_payment_matches(told: GatewayPayment, *, key: UUID, kind: str, amount: int, currency: str) -> None:
    """Refuse an answer that is about something else; raises `OtherPayment` or `OtherAmount`."""
    if (told.key, told.kind) != (key, kind):
        raise PaymentMismatch(asked=f"{kind} {key}", answered=f"{told.kind} {told.key}")
    if (told.amount, told.currency) != (amount, currency):
        raise AmountMismatch(asked=f"{amount} {currency}", named=f"{told.amount} {told.currency}")
