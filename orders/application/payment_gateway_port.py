"""The port for payments and refunds. How a gateway is reached is up to the adapter."""

from __future__ import annotations

from decimal import ROUND_DOWN, Decimal
from typing import Final, Protocol, TypeAlias
from uuid import UUID

from msgspec import Struct

from eventshop.core.errors import InvalidMessage
from eventshop.core.money import Money

#: The number of decimals of currencies that do not have two (ISO 4217).
_MINOR_UNITS: Final = {
    "JPY": 0,
    "KRW": 0,
    "VND": 0,
    "CLP": 0,
    "ISK": 0,
    "BHD": 3,
    "JOD": 3,
    "KWD": 3,
    "OMR": 3,
    "TND": 3,
}


class Succeeded(Struct, frozen=True):
    """The money was moved. `reference` is the gateway's own number for it."""

    key: UUID
    amount: Money
    reference: str


class Declined(Struct, frozen=True):
    """No money was moved, and none will be under this key. `reason` is for people."""

    key: UUID
    reason: str


class Pending(Struct, frozen=True):
    """The gateway accepted the request and decides later. The outcome follows by webhook, or from `find`."""

    key: UUID
    reference: str


class Unknown(Struct, frozen=True):
    """Whether money was moved is unknown. Send the request again with the same key: money is never moved twice."""

    key: UUID
    reason: str


Outcome: TypeAlias = Succeeded | Declined | Pending | Unknown


class PaymentGateway(Protocol):
    """A payment gateway. Each request has its own idempotency key: the same key always means the same request.

    A failed exchange (no connection, no response, an invalid response) gives `Unknown`, never an exception. Repeat the
    call, or call `find`, until the outcome is known. An amount that no gateway can process (zero, half a penny) raises
    `InvalidMessage` before anything is sent.
    """

    def charge(self, *, key: UUID, amount: Money, order_id: UUID, method: str) -> Outcome:
        """Charge an amount. `method` is the customer's means of payment, such as a card token."""

    def refund(self, *, key: UUID, charge: UUID, amount: Money) -> Outcome:
        """Refund all or part of what the request with the key `charge` took; `Declined` if that took less."""

    def find(self, key: UUID) -> Outcome | None:
        """The outcome of a request; None if the gateway does not know it (it may still be on its way)."""


def minor_units(amount: Money) -> int:
    """An amount in minor units (pennies). Raises `InvalidMessage` unless it is a positive whole number of them."""
    scaled = amount.amount.scaleb(_MINOR_UNITS.get(amount.currency, 2))
    if scaled <= 0 or scaled != scaled.to_integral_value():
        raise InvalidMessage(f"a payment must be a positive number of whole pennies, not {amount}", amount=str(amount))
    return int(scaled)


def from_minor_units(minor: int, currency: str) -> Money:
    """An amount from minor units. Raises `InvalidMoney` for an invalid currency."""
    return Money(Decimal(minor).scaleb(-_MINOR_UNITS.get(currency, 2)), currency)


def whole_pennies(amount: Money) -> Money:
    """An amount rounded down to whole minor units, which is what a gateway can move."""
    places = Decimal(1).scaleb(-_MINOR_UNITS.get(amount.currency, 2))
    return Money(amount.amount.quantize(places, rounding=ROUND_DOWN), amount.currency)
