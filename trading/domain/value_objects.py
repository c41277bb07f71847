"""Value objects of trading: instruments, prices, quantities and fills. All numbers are exact decimals."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from typing import Annotated, Any, Final, TypeAlias
from uuid import UUID

import msgspec
from msgspec import Struct

from eventshop.core.decimal_math import ZERO, add, is_multiple, multiply
from eventshop.core.errors import InvalidMessage
from eventshop.core.messages import Instant, NonEmptyText
from eventshop.core.personal_fields import NotPersonal, Personal, Redacted

#: Venues quote eight decimals. Price times quantity then has at most 16 decimals and 20 digits before the point.
MAX_DECIMALS: Final = 8
LARGEST: Final = Decimal(10) ** 10
_SMALLEST: Final = Decimal(1).scaleb(-MAX_DECIMALS)
#: With more digits, exact arithmetic (`decimal_math`) fails.
_MOST_WRITTEN_DECIMALS: Final = 60
_EARLIEST: Final = datetime(1900, 1, 1, tzinfo=UTC)
_LATEST: Final = datetime(3000, 1, 1, tzinfo=UTC)
#: The most fills of one execution: those of a sweep through a whole order book must fit into one event.
MAX_FILLS: Final = 1_500
#: The most bands of a tick table; those of the European regime have up to 21.
MAX_TICK_BANDS: Final = 30

#: An ISO 4217 code, or the code of a crypto venue such as USDT.
Currency: TypeAlias = Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{3,5}\Z")]
#: Market and symbol, such as `BINANCE_SPOT/BTCUSDT`: the same symbol is traded on several markets.
Code: TypeAlias = Annotated[str, msgspec.Meta(max_length=60, pattern=r"^[A-Z0-9_.-]+/[A-Z0-9_.-]+\Z")]
#: The number of a trade or account.
Reference: TypeAlias = Annotated[NonEmptyText, NotPersonal("the number of a trade or account")]
VenueTradeId: TypeAlias = Annotated[NonEmptyText, NotPersonal("the venue's number of a fill")]
#: Why the venue did so, in its words.
VenueReason: TypeAlias = NonEmptyText
#: A text in anybody's own words about a trade, encrypted under the trade's key.
TRADING_NOTE: Final = Personal(of="trade_id", purpose="trading-notes", since=2, free_text=True)
#: A note whose field was encrypted from its first version on.
REVIEW_NOTE: Final = Personal(of="trade_id", purpose="trading-notes", free_text=True)
#: The same about an export of the audit trail, under the key of its log.
EXPORT_NOTE: Final = Personal(of="log_id", purpose="trading-notes", since=2, free_text=True)
#: Such a note, and the same after its erasure.
Note: TypeAlias = NonEmptyText | Redacted
Count: TypeAlias = Annotated[int, msgspec.Meta(ge=0)]


class Side(StrEnum):
    BUY = "BUY"
    SELL = "SELL"

    @property
    def other(self) -> Side:
        return Side.SELL if self is Side.BUY else Side.BUY


class OrderType(StrEnum):
    MARKET = "MARKET"  # at the current market price
    LIMIT = "LIMIT"  # at this price or better


class TimeInForce(StrEnum):
    """How long an order is good."""

    GTC = "GTC"  # till it is cancelled
    DAY = "DAY"  # till the end of the venue's trading day
    IOC = "IOC"  # what is not filled at once is cancelled


class ReviewRule(StrEnum):
    """Why staff should look at what a venue reported; it is booked all the same."""

    BEYOND_QUANTITY = "BEYOND_QUANTITY"  # more was filled than ordered
    AFTER_REJECTION = "AFTER_REJECTION"
    AFTER_SETTLEMENT = "AFTER_SETTLEMENT"  # the trade settles once more, with its new totals


def check_positive(name: str, value: Any) -> None:
    """Raise `InvalidMessage` unless the value is an exact positive decimal: no float, no NaN, not too many digits."""
    if type(value) is not Decimal:
        raise InvalidMessage(f"{name} must be a decimal number written as text, not {value!r}")
    if not value.is_finite() or not ZERO < value < LARGEST:
        raise InvalidMessage(f"{name} must be above 0 and below {LARGEST:,}, not {value}")
    if not _is_exact(value):
        raise InvalidMessage(f"{name} {value} has more than {MAX_DECIMALS} decimals")


def check_exact(name: str, value: Any) -> None:
    """The same for a number that may be negative or 0."""
    if type(value) is Decimal and value.is_finite() and _is_exact(value) and abs(value) < LARGEST:
        return
    check_positive(name, value.copy_abs() if type(value) is Decimal else value)


def check_trading_time(name: str, value: datetime) -> None:
    """Raise `InvalidMessage` outside the years of trading: near the limits of datetime, zone conversion overflows."""
    if not _EARLIEST <= value < _LATEST:
        raise InvalidMessage(f"{name} must be a time from {_EARLIEST:%Y} to {_LATEST:%Y}, not {value.isoformat()}")


@lru_cache(maxsize=50_000)
def _is_exact(value: Decimal) -> bool:
    """Whether a number below `LARGEST` has at most `MAX_DECIMALS` decimals; trailing zeros do not count.

    Cached, because the same prices and quantities recur.
    """
    exponent = value.as_tuple().exponent
    return isinstance(exponent, int) and exponent >= -_MOST_WRITTEN_DECIMALS and is_multiple(value, _SMALLEST)


class Contract(Struct, frozen=True, forbid_unknown_fields=True):
    """What one piece is worth where that is not its price: see `trading.domain.contract_value`."""

    multiplier: Decimal
    inverse: bool  # worth a fixed amount of the quoted currency, paid in coin: the value falls as the price rises
    currency: Currency  # of values, results and limits

    def __post_init__(self) -> None:
        check_positive("multiplier", self.multiplier)


class TickBand(Struct, frozen=True, forbid_unknown_fields=True):
    """A band of a tick table: from this price on, without its sign, prices are multiples of the tick."""

    from_price: Decimal
    tick: Decimal

    def __post_init__(self) -> None:
        check_positive("from_price", self.from_price)
        check_positive("tick", self.tick)


class Instrument(Struct, frozen=True, forbid_unknown_fields=True):
    """An instrument and its trading terms; a trade keeps the terms of its submission."""

    code: Code
    currency: Currency  # of its prices
    tick: Decimal  # prices are multiples of the tick, below the first band of the tick table
    lot: Decimal  # quantities are multiples of the lot
    settlement_days: Annotated[int, msgspec.Meta(ge=0, le=30)]  # business days between execution and settlement
    calendar: Annotated[
        NonEmptyText, NotPersonal("a key of the table of calendars")
    ]  # the days on which it settles, a key of `trading.domain.business_days.CALENDARS`
    contract: Contract | None = None  # None: worth its price, in the currency of its prices
    tick_table: Annotated[tuple[TickBand, ...], msgspec.Meta(max_length=MAX_TICK_BANDS)] = ()  # in ascending order
    negative_prices: bool = False  # its price may be 0 or less

    def __post_init__(self) -> None:
        check_positive("tick", self.tick)
        check_positive("lot", self.lot)
        bands = [band.from_price for band in self.tick_table]
        if bands != sorted(set(bands)):
            raise InvalidMessage("the bands of a tick table must begin at ascending prices")
        if self.negative_prices and self.contract and self.contract.inverse:
            raise InvalidMessage("an inverse contract needs prices above 0: its value is a quotient by the price")

    def tick_at(self, price: Decimal) -> Decimal:
        """The tick of the band that a price belongs to."""
        size, tick = abs(price), self.tick
        for band in self.tick_table:
            if size < band.from_price:
                break
            tick = band.tick
        return tick


class Fee(Struct, frozen=True, forbid_unknown_fields=True):
    """What an execution costs the account; a rebate is below 0. Its currency is that of the trade's values."""

    amount: Decimal
    currency: Currency

    def __post_init__(self) -> None:
        check_exact("fee", self.amount)


class FeeTerms(Struct, frozen=True, forbid_unknown_fields=True):
    """How the fee of a fill is computed where its report names none: see `trading.domain.fees`."""

    rate: Decimal  # of the value without its sign: 0.001 is a tenth of a percent; below 0, a rebate
    per_piece: Decimal = ZERO
    minimum: Decimal = ZERO  # of each fill; 0: none

    def __post_init__(self) -> None:
        for name in ("rate", "per_piece", "minimum"):
            check_exact(name, getattr(self, name))
        if abs(self.rate) > 1:
            raise InvalidMessage(f"rate {self.rate} is more than the whole value; 0.001 is a tenth of a percent")
        if self.minimum < 0:
            raise InvalidMessage(f"minimum {self.minimum} must not be below 0")


class Fill(Struct, frozen=True, forbid_unknown_fields=True):
    """A full or partial execution at the venue, with the venue's identifier and time."""

    venue_trade_id: VenueTradeId
    price: Decimal
    quantity: Decimal
    at: Instant
    fee: Fee | None = None  # as reported, or computed by the terms of the trade; None: there is none

    def __post_init__(self) -> None:
        check_exact("price", self.price)  # whether it may be negative is a rule of the instrument
        check_positive("quantity", self.quantity)
        check_trading_time("at", self.at)

    @property
    def notional(self) -> Decimal:
        return multiply(self.price, self.quantity)


#: At least one fill, each `venue_trade_id` once.
Fills: TypeAlias = Annotated[tuple[Fill, ...], msgspec.Meta(min_length=1, max_length=MAX_FILLS)]


class Deal(Struct, frozen=True, forbid_unknown_fields=True):
    """Account, instrument and side of a trade. Part of every trade event, so that consumers need no lookup."""

    account_id: UUID
    instrument: Code
    currency: Currency  # of the prices
    side: Side
    contract: Contract | None = None


class OpenOrder(Struct, frozen=True, forbid_unknown_fields=True):
    """An order that was open at the venue before its record began here; what it had filled then is not counted here."""

    ordered: Decimal  # the whole quantity, of which some may be filled
    placed_at: Instant

    def __post_init__(self) -> None:
        check_positive("ordered", self.ordered)
        check_trading_time("placed_at", self.placed_at)


def volume(fills: tuple[Fill, ...]) -> Decimal:
    """The sum of the quantities."""
    total = ZERO
    for fill in fills:
        total = add(total, fill.quantity)
    return total


def notional(fills: tuple[Fill, ...]) -> Decimal:
    """The exact sum of price times quantity."""
    total = ZERO
    for fill in fills:
        total = add(total, fill.notional)
    return total
