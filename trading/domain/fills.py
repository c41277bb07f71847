"""The status and the fills of a trade, and the price rule of a fill."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Final, Self

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import replace

from eventshop.core.decimal_math import ZERO, divide, subtract
from trading.domain.commands import SubmitTrade
from trading.domain.errors import FillBusted, FillChanged, FillInFuture, UnknownFill, WorseThanLimit
from trading.domain.events import Deal, Fill, ReviewRule, Side, TradeSubmitted

#: Decimals of an average price: two more than any venue quotes.
AVERAGE_DECIMALS: Final = 10
#: How far the clock of a venue may be ahead of ours.
CLOCK_TOLERANCE: Final = timedelta(minutes=5)
#: Entries of `newer` before they move to `older`: copying so many costs about as much as storing the event itself.
MAX_NEWER: Final = 100


class Status(StrEnum):
    """Lifecycle of a trade."""

    PENDING = "PENDING"  # nothing has happened yet
    OPEN = "OPEN"
    PARTLY_FILLED = "PARTLY_FILLED"
    FILLED = "FILLED"
    CANCELLED = "CANCELLED"  # the open quantity was cancelled; there may be fills
    EXPIRED = "EXPIRED"  # the time for which it was good is over; there may be fills
    REJECTED = "REJECTED"
    SETTLED = "SETTLED"


def status_for(executed: Decimal, quantity: Decimal, closed: Status | None) -> Status:
    """The status before the settlement; `closed` is CANCELLED, EXPIRED or REJECTED when the venue can fill no more."""
    if executed >= quantity:
        return Status.FILLED
    if closed is None:
        return Status.PARTLY_FILLED if executed else Status.OPEN
    return Status.CANCELLED if executed and closed is Status.REJECTED else closed


def broken_rules(
    status: Status, before: Decimal, executed: Decimal, quantity: Decimal
) -> Iterator[tuple[ReviewRule, Decimal]]:
    """What staff are to look at after a report that leads to this executed quantity, with the excess."""
    if executed > max(before, quantity):
        yield ReviewRule.BEYOND_QUANTITY, subtract(executed, quantity)
    if status is Status.REJECTED:
        yield ReviewRule.AFTER_REJECTION, ZERO
    if status is Status.SETTLED:
        yield ReviewRule.AFTER_SETTLEMENT, ZERO


def is_report_of(reported: Fill, known: Fill) -> bool:
    """Whether a report tells of a known fill. One without a fee does, whatever fee was computed for it."""
    return reported == (known if reported.fee else replace(known, fee=None))


class FillRecord(Struct, frozen=True, omit_defaults=True):
    """A fill as first reported, its correction if any, and whether it is void.

    `told_in` is the stream version of the event that reported the current values. Stored in snapshots: keep the names.
    """

    first: Fill
    told_in: int
    corrected: Fill | None = None
    void: bool = False

    @property
    def fill(self) -> Fill:
        """The current values of the fill."""
        return self.corrected or self.first


class FillBook(Struct, frozen=True):
    """All fills of a trade by `venue_trade_id`; a trade can have tens of thousands (decision 81).

    Records stay encoded as JSON until they are read, so that loading a snapshot decodes none of them. Every event
    copies `newer`, which is small; when it exceeds `MAX_NEWER`, its records move to `older` in one copy.
    """

    older: Mapping[str, Raw] = {}
    newer: Mapping[str, Raw] = {}

    def get(self, venue_trade_id: str) -> FillRecord | None:
        encoded = self.newer.get(venue_trade_id) or self.older.get(venue_trade_id)
        return None if encoded is None else _decoder.decode(encoded)

    def contains(self, fill: Fill) -> bool:
        """Whether the fill was reported before; raises `FillChanged` if it was reported with other values."""
        record = self.get(fill.venue_trade_id)
        if record is not None and not (is_report_of(fill, record.first) or is_report_of(fill, record.fill)):
            raise FillChanged(fill=fill.venue_trade_id, known=record.first.price, reported=fill.price)
        return record is not None

    def get_valid(self, venue_trade_id: str) -> FillRecord:
        """The record of a fill that is not void; raises `UnknownFill` or `FillBusted`."""
        record = self.get(venue_trade_id)
        if record is None:
            raise UnknownFill(fill=venue_trade_id)
        if record.void:
            raise FillBusted(fill=venue_trade_id)
        return record

    def with_records(self, records: Iterable[FillRecord]) -> Self:
        """A copy of the book with these records added or replaced."""
        encoded = {record.first.venue_trade_id: Raw(_encoder.encode(record)) for record in records}
        newer = {**self.newer, **encoded}
        if len(newer) <= MAX_NEWER:
            return replace(self, newer=newer)
        return replace(self, older={**self.older, **newer}, newer={})

    def __iter__(self) -> Iterator[FillRecord]:
        """The records in the order in which the fills were first reported."""
        return (_decoder.decode(encoded) for encoded in {**self.older, **self.newer}.values())


_encoder: Final = msgspec.json.Encoder()
_decoder: Final = msgspec.json.Decoder(FillRecord)


def compute_average(notional: Decimal, quantity: Decimal) -> Decimal | None:
    return divide(notional, quantity, decimals=AVERAGE_DECIMALS) if quantity else None


def check_limit_price(side: Side, limit: Decimal | None, fill: Fill) -> None:
    """Raise `WorseThanLimit` if a limit order is filled at a price worse than its limit price."""
    if limit is None:
        return
    is_worse = fill.price > limit if side is Side.BUY else fill.price < limit
    if is_worse:
        raise WorseThanLimit(side=side, limit=limit, price=fill.price, fill=fill.venue_trade_id)


def check_fill_times(fills: Iterable[Fill], now: datetime) -> None:
    """Raise `FillInFuture` for a time that has not come, as far as clocks agree.

    It would be the last price, and the end of the position's history, until then.
    """
    for fill in fills:
        if fill.at > now + CLOCK_TOLERANCE:
            raise FillInFuture(fill=fill.venue_trade_id, at=fill.at, now=now)


def deal_of(terms: TradeSubmitted) -> Deal:
    instrument = terms.instrument
    return Deal(terms.account_id, instrument.code, instrument.currency, terms.side, instrument.contract)


def submission_event(command: SubmitTrade) -> TradeSubmitted:
    return TradeSubmitted(
        trade_id=command.trade_id,
        reference=command.reference,
        account_id=command.account_id,
        instrument=command.instrument,
        side=command.side,
        type=command.type,
        quantity=command.quantity,
        limit_price=command.limit_price,
        time_in_force=command.time_in_force,
        good_until=command.good_until,
        taken_in=command.taken_in,
        routed=command.routed,
        fee_terms=command.fee_terms,
    )
