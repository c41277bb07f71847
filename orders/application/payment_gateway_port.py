"""The port for payments and refunds. How a gateway is reached is up to the adapter."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol, TypeAlias
from uuid import UUID

from msgspec import Struct

from eventshop.core.errors import UnpayableAmount
from eventshop.core.money import Money, to_minor_units


class Succeeded(Struct, frozen=True):
    """It was done: money was taken (a charge, a capture), given back (a refund) or released (a void).

    All fields are the gateway's answer: the amount that moved, the method that it charged (of a refund, capture or
    void: of the charge), the time by its clock, and `reference`, its own number for it.
    """

    key: UUID
    amount: Money
    reference: str
    method: str = ""
    at: datetime | None = None


class Authorised(Struct, frozen=True):
    """The amount of a charge is set aside, to be captured or voided later."""

    key: UUID
    amount: Money
    reference: str
    method: str
    at: datetime | None


class Declined(Struct, frozen=True):
    """No money was moved, and none will be under this key. `reason` is for people."""

    key: UUID
    reason: str
    method: str = ""


class Pending(Struct, frozen=True):
    """The gateway accepted the request and decides later. The outcome follows by webhook, or from `find`."""

    key: UUID
    reference: str


class Unknown(Struct, frozen=True):
    """Whether money was moved is unknown. Send the request again with the same key: money is never moved twice."""

    key: UUID
    reason: str


Outcome: TypeAlias = Succeeded | Authorised | Declined | Pending | Unknown


class PaymentGateway(Protocol):
    """A payment gateway. Each request has its own idempotency key: the same key always means the same request.

    A failed exchange (no connection, no response, an invalid response) gives `Unknown`, never an exception. Repeat the
    call, or call `find`, until the outcome is known. An amount that no gateway can process (zero, half a penny, an
    unknown currency) raises `InvalidMoney` before anything is sent. `payment_id` is the order's own id of the payment
    (of a refund: of the refund), for the records.
    """

    def charge(
        self,
        *,
        key: UUID,
        amount: Money,
        order_id: UUID,
        method: str,
        token: str = "",
        capture: bool = True,
        payment_id: UUID | None = None,
    ) -> Outcome:
        """Charge an amount; without `capture` only set it aside (`Authorised`).

        `method` is the customer's means of payment; `token` stands for a card that was entered on the hosted card page.
        """

    def capture(self, *, key: UUID, charge: UUID, amount: Money, payment_id: UUID | None = None) -> Outcome:
        """Take all or part of what the charge set aside, once; the rest is released."""

    def void(self, *, key: UUID, charge: UUID, payment_id: UUID | None = None) -> Outcome:
        """Release all that the charge set aside; `Declined` once it was captured."""

    def refund(self, *, key: UUID, charge: UUID, amount: Money, payment_id: UUID | None = None) -> Outcome:
        """Refund all or part of what the request with the key `charge` took; `Declined` if that took less."""

    def find(self, key: UUID) -> Outcome | None:
        """The outcome of a request; None if the gateway does not know it (it may still be on its way)."""


def minor_units(amount: Money) -> int:
    """An amount in minor units (pennies), as a gateway counts.

    Raises `UnpayableAmount` unless it is positive and can be paid to the last digit, or `UnknownCurrency`.
    """
    minor = to_minor_units(amount)
    if minor <= 0:
        raise UnpayableAmount(f"a payment must be more than {amount}", amount=str(amount))
    return minor
