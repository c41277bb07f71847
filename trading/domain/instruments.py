"""Instruments as staff keep them: the terms of trading, the venue's calendar, and the days of trading.

The table is in `trading.application.instruments`. A change applies to trades that are submitted afterwards; a trade
keeps the terms of its submission.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

import msgspec
from msgspec import Struct

from eventshop.core.decimal_math import format_plain
from eventshop.core.decimal_text import parse_decimal
from eventshop.core.errors import InvalidMessage
from trading.domain.business_days import end_of_trading, find_calendar
from trading.domain.errors import InactiveInstrument
from trading.domain.events import Contract, Instrument, TickBand

#: The columns of the table, and of a file with reference data.
COLUMNS: Final = (
    "code",
    "currency",
    "tick",
    "tick_table",
    "lot",
    "multiplier",
    "inverse",
    "value_currency",
    "settlement_days",
    "settlement_calendar",
    "trading_calendar",
    "negative_prices",
    "active_from",
    "active_to",
)


class Listing(Struct, frozen=True):
    """One version of an instrument. The settlement calendar is a part of its terms, `instrument.calendar`."""

    instrument: Instrument
    trading_calendar: str  # a key of `trading.domain.business_days.CALENDARS`
    active_from: date | None = None  # the first day of trading, in the zone of the trading calendar
    active_to: date | None = None  # the last one

    def __post_init__(self) -> None:
        find_calendar(self.trading_calendar)
        find_calendar(self.instrument.calendar)
        if self.active_from and self.active_to and self.active_to < self.active_from:
            raise InvalidMessage(f"active_to {self.active_to} is before active_from {self.active_from}")

    @property
    def code(self) -> str:
        return self.instrument.code

    @property
    def venue(self) -> str:
        """The part of the code before the slash."""
        return self.code.partition("/")[0]

    def is_active_at(self, moment: datetime) -> bool:
        day = moment.astimezone(find_calendar(self.trading_calendar).zone).date()
        return (self.active_from or day) <= day <= (self.active_to or day)

    def check_active(self, moment: datetime) -> None:
        """Raise `InactiveInstrument` unless the instrument can be traded on the day of a moment."""
        if not self.is_active_at(moment):
            raise InactiveInstrument(
                instrument=self.code,
                day=moment.astimezone(find_calendar(self.trading_calendar).zone).date(),
                active_from=self.active_from or "always",
                active_to=self.active_to or "open end",
            )

    def end_of_trading(self, moment: datetime) -> datetime:
        """The next end of a trading day at the venue: until then an order for the day is good."""
        return end_of_trading(self.trading_calendar, moment)


def parse_tick_table(text: str) -> tuple[TickBand, ...]:
    """The bands of a text such as `10:0.05 20:0.1`: from 10 on, ticks of 0.05. Raises `InvalidMessage`."""
    bands = []
    for band in text.split():
        from_price, colon, tick = band.partition(":")
        if not colon:
            raise InvalidMessage(f"tick_table: {band[:50]!r} is not a band such as 10:0.05, a price and its tick")
        bands.append(TickBand(parse_decimal(from_price), parse_decimal(tick)))
    return tuple(bands)


def format_tick_table(bands: tuple[TickBand, ...]) -> str:
    """The text of which `parse_tick_table` makes these bands."""
    return " ".join(f"{format_plain(band.from_price)}:{format_plain(band.tick)}" for band in bands)


def build_listing(
    *,
    multiplier: Decimal,
    inverse: bool,
    value_currency: str,
    settlement_calendar: str,
    trading_calendar: str,
    active_from: date | None,
    active_to: date | None,
    **terms: Any,
) -> Listing:
    """A listing of the values of its columns. One that is worth its price has no contract. Raises `InvalidMessage`."""
    is_worth_its_price = multiplier == 1 and not inverse and value_currency == terms["currency"]
    contract = None if is_worth_its_price else Contract(multiplier, inverse, value_currency)
    instrument = Instrument(calendar=settlement_calendar, contract=contract, **terms)
    try:
        msgspec.convert(msgspec.to_builtins(instrument), Instrument)  # the patterns of code and currency
    except msgspec.ValidationError as error:
        raise InvalidMessage(str(error)) from None
    return Listing(instrument, trading_calendar, active_from, active_to)


def column_values(listing: Listing) -> dict[str, Any]:
    """The values of the columns, of which `build_listing` makes the listing; the tick table as text."""
    instrument, contract = listing.instrument, listing.instrument.contract
    return {
        "code": instrument.code,
        "currency": instrument.currency,
        "tick": instrument.tick,
        "tick_table": format_tick_table(instrument.tick_table),
        "lot": instrument.lot,
        "multiplier": contract.multiplier if contract else Decimal(1),
        "inverse": bool(contract and contract.inverse),
        "value_currency": contract.currency if contract else instrument.currency,
        "settlement_days": instrument.settlement_days,
        "settlement_calendar": instrument.calendar,
        "trading_calendar": listing.trading_calendar,
        "negative_prices": instrument.negative_prices,
        "active_from": listing.active_from,
        "active_to": listing.active_to,
    }
