"""Handlers of the settlement saga's effects: requests to the venue, under the effect's idempotency key."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from msgspec import Struct

from eventshop.core.deterministic_ids import derive_id
from trading.application.venue_port import OrderToVenue, Venue, VenueReport
from trading.application.venue_reports import book_report
from trading.sagas.venue_effects import AmendOrder, CancelOrder, PlaceOrder, VenueAnswered


class OrderEffects(Struct, frozen=True):
    """The handlers. `venue` gives the venue, and is called for each effect.

    Each books the venue's answer and gives None while there is none: then the venue is asked again under the same key,
    so that an answer whose notice is lost is heard all the same.
    """

    venue: Callable[[], Venue]

    def place(self, effect: PlaceOrder, key: UUID) -> VenueAnswered | None:
        order = OrderToVenue(
            effect.trade_id,
            effect.instrument,
            effect.side,
            effect.type,
            effect.quantity,
            effect.limit_price,
            effect.time_in_force,
            effect.good_until,
        )
        return _book(self.venue().place(order, key=key), key)

    def cancel(self, effect: CancelOrder, key: UUID) -> VenueAnswered | None:
        return _book(self.venue().cancel(effect.trade_id, key=key), key)

    def amend(self, effect: AmendOrder, key: UUID) -> VenueAnswered | None:
        quantity, limit_price = effect.quantity, effect.limit_price
        return _book(self.venue().amend(effect.trade_id, quantity=quantity, limit_price=limit_price, key=key), key)


def _book(answer: VenueReport | None, key: UUID) -> VenueAnswered | None:
    if answer is None:
        return None
    book_report(answer, report_id=derive_id("venue-answer", key))
    return VenueAnswered(type(answer).__name__)
