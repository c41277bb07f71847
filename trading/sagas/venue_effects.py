"""The effects that the settlement saga requests from the venue, and their result."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

from eventshop.core.messages import Instant, NonEmptyText
from eventshop.core.saga import Effect, EffectResult
from trading.domain.events import Code, OrderType, Side, TimeInForce


class PlaceOrder(Effect, frozen=True):
    """Send an order to the venue."""

    trade_id: UUID
    instrument: Code
    side: Side
    type: OrderType
    quantity: Decimal
    limit_price: Decimal | None
    time_in_force: TimeInForce
    good_until: Instant | None


class CancelOrder(Effect, frozen=True):
    """Ask the venue to cancel the open quantity."""

    trade_id: UUID


class AmendOrder(Effect, frozen=True):
    """Ask the venue for another quantity and limit price."""

    trade_id: UUID
    quantity: Decimal
    limit_price: Decimal | None


class VenueAnswered(EffectResult, frozen=True):
    """The venue has answered, and its answer is booked: the events of the trade say what it was."""

    answer: NonEmptyText
