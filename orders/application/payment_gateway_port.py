"""How money is taken and given back: the port. What it takes to reach a gateway is the adapter's business."""

from __future__ import annotations

from decimal import ROUND_DOWN, Decimal
from typing import Final, Protocol, TypeAlias
from uuid import UUID

from msgspec import Struct

from eventshop.core.errors import InvalidMessage
from eventshop.core.money import Money

#: Minor units of the currencies that have another number of them than two (ISO 4217).
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
    """The money moved. `reference` is what the gateway calls it."""

    key: UUID
    amount: Money
    reference: str


class Declined(Struct, frozen=True):
    """No money moved, and none will under this key. `reason` is for people."""

    key: UUID
    reason: str


class Pending(Struct, frozen=True):
    """The gateway has it and answers later: by a notice, or when it is asked (`find`)."""

    key: UUID
    reference: str


class Unknown(Struct, frozen=True):
    """Nobody here can say whether money moved. Ask again with the same key: it never moves twice."""

    key: UUID
    why: str


Outcome: TypeAlias = Succeeded | Declined | Pending | Unknown


class PaymentGateway(Protocol):
    """Where money is. Every request has a key of its own: the same key is the same request, for ever.

    Trouble on the way (no answer, no connection, an answer that makes no sense) is `Unknown`, never an exception; it
    can be asked again, by the same call or by `find`, for as long as it takes. What no gateway could do at all (an
    amount of zero or of half a penny) raises `InvalidMessage` before anything is sent.
    """

    def charge(self, *, key: UUID, amount: Money, order_id: UUID, method: str) -> Outcome:
        """Take money. `method` is what the customer pays with: a card token, say."""

    def refund(self, *, key: UUID, charge: UUID, amount: Money) -> Outcome:
        """Give back all or a part of what the request `charge` took; `Declined` if it took nothing or not enough."""

    def find(self, key: UUID) -> Outcome | None:
        """What became of a request; None if the gateway has never heard of it (it may still be on its way)."""


def minor_units(amount: Money) -> int:
    """An amount in pennies, as gateways count; raises `InvalidMessage` for nothing, less, or parts of a penny."""
    scaled = amount.amount.scaleb(_MINOR_UNITS.get(amount.currency, 2))
    if scaled <= 0 or scaled != scaled.to_integral_value():
        raise InvalidMessage(f"a payment is a positive number of whole pennies, not {amount}", amount=str(amount))
    return int(scaled)


def from_minor_units(pennies: int, currency: str) -> Money:
    """The amount that a number of pennies is; raises `InvalidMoney` for a currency that is none."""
    return Money(Decimal(pennies).scaleb(-_MINOR_UNITS.get(currency, 2)), currency)


def whole_pennies(amount: Money) -> Money:
    """So much of an amount as a gateway can move: parts of a penny are left out."""
    places = Decimal(1).scaleb(-_MINOR_UNITS.get(amount.currency, 2))
    return Money(amount.amount.quantize(places, rounding=ROUND_DOWN), amount.currency)
