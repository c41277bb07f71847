"""What trades and accounts are told in: instruments, prices, quantities and fills; exact, or refused."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from typing import Annotated, Any, Final, TypeAlias
from uuid import UUID

import msgspec
from msgspec import Struct

from eventshop.core.decimal_math import ZERO, is_multiple, add, multiply
from eventshop.core.errors import InvalidMessage
from eventshop.core.messages import Instant, NonEmptyText

#: Venues quote eight decimals; a price times a quantity then has at most 16 of them and 20 digits before.
MAX_DECIMALS: Final = 8
LARGEST: Final = Decimal(10) ** 10
_SMALLEST: Final = Decimal(1).scaleb(-MAX_DECIMALS)
_EARLIEST: Final = datetime(1900, 1, 1, tzinfo=UTC)
_LATEST: Final = datetime(3000, 1, 1, tzinfo=UTC)
#: A taker that sweeps a whole book fills this often at once; it must fit into one event.
MAX_FILLS: Final = 1_500

#: ISO 4217, or what a crypto venue calls its own (USDT).
Currency: TypeAlias = Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{3,5}\Z")]
#: Market and symbol, `BINANCE_SPOT/BTCUSDT`: the same symbol trades on several markets.
Code: TypeAlias = Annotated[str, msgspec.Meta(max_length=60, pattern=r"^[A-Z0-9_.-]+/[A-Z0-9_.-]+\Z")]
Count: TypeAlias = Annotated[int, msgspec.Meta(ge=0)]


class Side(StrEnum):
    BUY = "BUY"
    SELL = "SELL"


class OrderType(StrEnum):
    MARKET = "MARKET"  # at whatever price there is
    LIMIT = "LIMIT"  # at this price or better


def check_positive(name: str, value: Any) -> None:
    """Refuse what is no exact number above zero: a float, a NaN, too many decimals or digits."""
    if type(value) is Decimal and value.is_finite() and _is_exact_positive(value):
        return
    if type(value) is not Decimal:
        raise InvalidMessage(f"{name} is a decimal number written as text, not {value!r}")
    if not value.is_finite() or not ZERO < value < LARGEST:
        raise InvalidMessage(f"{name} must be above 0 and below {LARGEST:,}, not {value}")
    if not is_multiple(value, _SMALLEST):
        raise InvalidMessage(f"{name} {value} has more than {MAX_DECIMALS} decimals")


def check_trading_time(name: str, value: datetime) -> None:
    """Refuse a moment that no venue has traded at: near the ends of what a datetime holds no zone can be changed."""
    if not _EARLIEST <= value < _LATEST:
        raise InvalidMessage(f"{name} is a moment from {_EARLIEST:%Y} to {_LATEST:%Y}, not {value.isoformat()}")


@lru_cache(maxsize=50_000)
def _is_exact_positive(value: Decimal) -> bool:
    """Whether it is such a number. The same prices and quantities are read again and again."""
    return ZERO < value < LARGEST and is_multiple(value, _SMALLEST)


class Instrument(Struct, frozen=True, forbid_unknown_fields=True):
    """What is traded, and the terms it is traded on; a trade keeps those of the day it was submitted."""

    code: Code
    currency: Currency
    tick: Decimal  # prices are multiples of it
    lot: Decimal  # quantities are multiples of it
    settlement_days: Annotated[int, msgspec.Meta(ge=0, le=30)]  # business days after the execution
    calendar: NonEmptyText  # whose business days: see `trading.domain.business_days`

    def __post_init__(self) -> None:
        check_positive("tick", self.tick)
        check_positive("lot", self.lot)


class Fill(Struct, frozen=True, forbid_unknown_fields=True):
    """Some of a trade, done at the venue: its own number for it, and its time."""

    venue_trade_id: NonEmptyText
    price: Decimal
    quantity: Decimal
    at: Instant

    def __post_init__(self) -> None:
        check_positive("price", self.price)
        check_positive("quantity", self.quantity)
        check_trading_time("at", self.at)

    @property
    def notional(self) -> Decimal:
        return multiply(self.price, self.quantity)


#: At least one, each venue number once.
Fills: TypeAlias = Annotated[tuple[Fill, ...], msgspec.Meta(min_length=1, max_length=MAX_FILLS)]


class Deal(Struct, frozen=True, forbid_unknown_fields=True):
    """Whose trade it is and in what: stands in every event, so that no reader must look it up."""

    account_id: UUID
    instrument: Code
    currency: Currency
    side: Side


def volume(fills: tuple[Fill, ...]) -> Decimal:
    found = ZERO
    for fill in fills:
        found = add(found, fill.quantity)
    return found


def notional(fills: tuple[Fill, ...]) -> Decimal:
    """Exact: the sum of price times quantity."""
    found = ZERO
    for fill in fills:
        found = add(found, fill.notional)
    return found
