"""The port for the venue that executes orders. What it did comes as reports; how it is reached is up to the adapter."""

from __future__ import annotations

from decimal import Decimal
from typing import Protocol, TypeAlias
from uuid import UUID

from django.conf import settings
from msgspec import Struct

from eventshop.core.messages import Instant
from trading.domain.events import Code, Fill, Fills, OrderType, Side, TimeInForce
from trading.domain.value_objects import VenueReason, VenueTradeId


class OrderToVenue(Struct, frozen=True):
    """An order as the venue gets it; `order` is the id of the trade."""

    order: UUID
    instrument: Code
    side: Side
    type: OrderType
    quantity: Decimal
    limit_price: Decimal | None
    time_in_force: TimeInForce
    good_until: Instant | None


def _words(name: str) -> str:
    """`CancelDeclined` as `cancel_declined`."""
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")


class Report(Struct, frozen=True, tag_field="type", tag=_words):
    """What the venue says about an order. Unknown fields are ignored."""

    order: UUID


class Taken(Report, frozen=True):
    """The venue has the order."""


class Refused(Report, frozen=True):
    """The venue refused the order."""

    reason: VenueReason


class Filled(Report, frozen=True):
    fills: Fills


class Corrected(Report, frozen=True):
    """A fill has other values than reported; it keeps its `venue_trade_id`."""

    fill: Fill
    reason: VenueReason


class Busted(Report, frozen=True):
    """A fill is void."""

    venue_trade_id: VenueTradeId
    reason: VenueReason


class Cancelled(Report, frozen=True):
    """The open quantity was cancelled, asked or not."""

    reason: VenueReason


class CancelDeclined(Report, frozen=True):
    reason: VenueReason


class Amended(Report, frozen=True):
    """The order has this quantity and limit price now."""

    quantity: Decimal
    limit_price: Decimal | None


class AmendDeclined(Report, frozen=True):
    reason: VenueReason


class Expired(Report, frozen=True):
    """The time for which the order was good is over."""


VenueReport: TypeAlias = (
    Taken | Refused | Filled | Corrected | Busted | Cancelled | CancelDeclined | Amended | AmendDeclined | Expired
)


class Venue(Protocol):
    """Each request has a key, and is the same request when it is sent again with that key.

    A request gives the venue's answer, or None where the venue answers later. Raises `ServiceUnavailable` where
    it is unknown whether the venue got the request, or `MessageRefused`.
    """

    def place(self, order: OrderToVenue, *, key: UUID) -> VenueReport | None: ...

    def cancel(self, order: UUID, *, key: UUID) -> VenueReport | None: ...

    def amend(
        self, order: UUID, *, quantity: Decimal, limit_price: Decimal | None, key: UUID
    ) -> VenueReport | None: ...


def is_routed() -> bool:
    """Whether new orders are sent to a venue. Without one, the desk reports what it did by telephone."""
    return bool(settings.VENUE_URL)
