"""Decoding and checking what the gateway sends: payments in responses and in webhooks, and hosted pages."""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal, TypeAlias, TypeVar, get_args
from uuid import UUID

import msgspec
from msgspec import Struct

from eventshop.core.currencies import decimals_of
from eventshop.core.errors import InvalidMessage
from eventshop.core.json_input import check_json_depth
from eventshop.core.messages import Instant, NonEmptyText, Text
from eventshop.core.money import from_minor_units
from eventshop.web.webhooks.signed_notices import InvalidJson
from orders.application.payment_gateway_port import Authorised, Declined, Outcome, Pending, Succeeded
from orders.domain.order_values import PaymentMethod
from orders.payment_gateway.errors import AmountMismatch, PaymentMismatch

Kind: TypeAlias = Literal["charge", "capture", "void", "refund"]
MinorUnits: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=10**18)]
#: It is kept in clear with the payment, so it must not be a text.
Reference: TypeAlias = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/#+-]{0,199}\Z")]
Currency: TypeAlias = Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{3}\Z")]
T = TypeVar("T")
#: A means of payment, as orders take it.
_METHOD: Final = re.compile(get_args(PaymentMethod)[1].pattern)
#: The value in an error of msgspec: it is the gateway's text, which may be about a person.
_QUOTED: Final = re.compile(r"'[^`]*'")


class GatewayPayment(Struct, frozen=True):
    """A charge, capture, void or refund as the gateway shows it. Unknown fields are ignored.

    `processed_at` is when it reached its status, by the gateway's clock. `method` is that of the charge.
    """

    key: UUID
    kind: Kind
    reference: Reference
    amount: MinorUnits
    currency: Currency
    status: Literal["authorised", "succeeded", "declined", "pending", "voided"]
    reason: Text = ""
    method: Text = ""
    processed_at: Instant | None = None

    def __post_init__(self) -> None:
        decimals_of(self.currency)


class PaymentWebhook(Struct, frozen=True):
    """The body of a webhook: its type, such as `charge.succeeded` or `refund.declined`, and the payment."""

    type: str
    data: GatewayPayment

    def __post_init__(self) -> None:
        if self.type != f"{self.data.kind}.{self.data.status}":
            raise ValueError(f"type does not say that data is a {self.data.kind} that is {self.data.status}")


class HostedPage(Struct, frozen=True):
    """A page of the gateway on which one customer enters a card for one amount."""

    id: NonEmptyText
    url: NonEmptyText


def decode_payment(body: bytes) -> GatewayPayment:
    """The payment in a response body. Raises `InvalidJson`."""
    return _decode(body, GatewayPayment)


def decode_webhook(body: bytes) -> PaymentWebhook:
    """The webhook in a request body. Raises `InvalidJson`."""
    return _decode(body, PaymentWebhook)


def decode_hosted_page(body: bytes) -> HostedPage:
    """The hosted page in a response body. Raises `InvalidJson`."""
    return _decode(body, HostedPage)


def _decode(body: bytes, kind: type[T]) -> T:
    try:
        check_json_depth(body)
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, InvalidMessage) as error:
        raise InvalidJson(why=_QUOTED.sub("…", str(error))) from None


def outcome_of(payment: GatewayPayment) -> Outcome:
    """The gateway's payment as an outcome of the port."""
    match payment.status:
        case "pending":
            return Pending(payment.key, payment.reference)
        case "declined":
            return Declined(payment.key, payment.reason or "no reason was given", payment.method)
        case "voided":  # before anybody heard that it was authorised
            return Declined(payment.key, "the authorisation was voided", payment.method)
    amount = from_minor_units(payment.amount, payment.currency)
    kind = Authorised if payment.status == "authorised" else Succeeded
    method = payment.method if _METHOD.fullmatch(payment.method) else ""  # a text counts as not given
    return kind(payment.key, amount, payment.reference, method, payment.processed_at)


def check_payment_matches(
    payment: GatewayPayment, *, key: UUID, kind: str, amount: int, currency: str, method: str = ""
) -> None:
    """Check that a payment is the one that was requested. A method that either side leaves out matches any.

    Raises `PaymentMismatch` or `AmountMismatch`.
    """
    if (payment.key, payment.kind) != (key, kind):
        raise PaymentMismatch(requested=f"{kind} {key}", reported=f"{payment.kind} {payment.key}")
    if method and payment.method and payment.method != method:
        raise PaymentMismatch(requested=f"a payment by {method}", reported=f"one by {payment.method}")
    if (payment.amount, payment.currency) != (amount, currency):
        raise AmountMismatch(requested=f"{amount} {currency}", reported=f"{payment.amount} {payment.currency}")
