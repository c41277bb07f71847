"""What a trade remembers: its status and its fills; and what a fill's price must be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Final, Self

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import replace

from eventshop.core.decimal_math import divide
from trading.domain.commands import SubmitTrade
from trading.domain.errors import FillBusted, FillChanged, UnknownFill, WorseThanLimit
from trading.domain.events import Fill, Side, TradeSubmitted

#: Of an average price: two more than any venue quotes.
AVERAGE_DECIMALS: Final = 10
#: A copy of so many entries costs about as much as the event itself; one of all is due once in so many fills.
MAX_NEWER: Final = 100


class Status(StrEnum):
    """Where a trade is on its way."""

    PENDING = "PENDING"  # nothing has happened yet
    OPEN = "OPEN"
    PARTLY_FILLED = "PARTLY_FILLED"
    FILLED = "FILLED"
    CANCELLED = "CANCELLED"  # what was open; there may be fills
    REJECTED = "REJECTED"
    SETTLED = "SETTLED"


class FillRecord(Struct, frozen=True, omit_defaults=True):
    """A fill as it was first told, the version of the event that told it as it stands, and what became of it."""

    first: Fill
    told_in: int
    corrected: Fill | None = None
    void: bool = False

    @property
    def fill(self) -> Fill:
        """As it stands now."""
        return self.corrected or self.first


class FillBook(Struct, frozen=True):
    """All fills of a trade by the venue's number for them; a trade can have tens of thousands (decision 81).

    Each is JSON until somebody asks for it, so that a snapshot is read without looking into them. `newer` is small
    and copied with every event; when it has grown it is put to `older`, which is then copied once.
    """

    older: Mapping[str, Raw] = {}
    newer: Mapping[str, Raw] = {}

    def get(self, venue_trade_id: str) -> FillRecord | None:
        found = self.newer.get(venue_trade_id) or self.older.get(venue_trade_id)
        return None if found is None else _decoder.decode(found)

    def contains(self, fill: Fill) -> bool:
        """Whether this was told before, as it was first or as it stands now; raises `FillChanged` if otherwise."""
        booked = self.get(fill.venue_trade_id)
        if booked is not None and fill not in (booked.first, booked.fill):
            raise FillChanged(fill=fill.venue_trade_id, known=booked.first.price, told=fill.price)
        return booked is not None

    def get_valid(self, venue_trade_id: str) -> FillRecord:
        """A fill that counts; raises `UnknownFill` or `FillBusted`."""
        booked = self.get(venue_trade_id)
        if booked is None:
            raise UnknownFill(fill=venue_trade_id)
        if booked.void:
            raise FillBusted(fill=venue_trade_id)
        return booked

    def with_records(self, booked: Iterable[FillRecord]) -> Self:
        """The book with these as they stand now."""
        newer = {**self.newer, **{it.first.venue_trade_id: Raw(_encoder.encode(it)) for it in booked}}
        if len(newer) <= MAX_NEWER:
            return replace(self, newer=newer)
        return replace(self, older={**self.older, **newer}, newer={})

    def __iter__(self) -> Iterator[FillRecord]:
        """In the order in which they were first told."""
        return (_decoder.decode(found) for found in {**self.older, **self.newer}.values())


_encoder: Final = msgspec.json.Encoder()
_decoder: Final = msgspec.json.Decoder(FillRecord)


def compute_average(notional: Decimal, quantity: Decimal) -> Decimal | None:
    return divide(notional, quantity, decimals=AVERAGE_DECIMALS) if quantity else None


def check_limit_price(it: TradeSubmitted, fill: Fill) -> None:
    """A limit order is filled at its limit price or better; raises `WorseThanLimit`."""
    if it.limit_price is None:
        return
    worse = fill.price > it.limit_price if it.side is Side.BUY else fill.price < it.limit_price
    if worse:
        raise WorseThanLimit(side=it.side, limit=it.limit_price, price=fill.price, fill=fill.venue_trade_id)


def submission_event(it: SubmitTrade) -> TradeSubmitted:
    return TradeSubmitted(
        it.trade_id, it.reference, it.account_id, it.instrument, it.side, it.type, it.quantity, it.limit_price
    )
