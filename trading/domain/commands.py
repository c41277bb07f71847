"""What can be asked of a trade and of a trading account."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import TypeAlias
from uuid import UUID

from eventshop.core.decimal_math import is_multiple, round_up, multiply
from eventshop.core.errors import InvalidMessage
from eventshop.core.messages import Command, NonEmptyText
from trading.domain.errors import WrongLot, WrongTick
from trading.domain.events import (
    MAX_DECIMALS,
    Code,
    Count,
    Currency,
    Fill,
    Fills,
    Instrument,
    OrderType,
    Side,
    check_positive,
)


class SubmitTrade(Command, frozen=True):
    """Buy or sell. The terms of the instrument come from the reference data, `trading.domain.instruments`."""

    trade_id: UUID
    reference: NonEmptyText
    account_id: UUID
    instrument: Instrument
    side: Side
    type: OrderType
    quantity: Decimal
    limit_price: Decimal | None = None

    def __post_init__(self) -> None:
        check_lot(self.instrument, self.quantity)
        if (self.type is OrderType.LIMIT) != (self.limit_price is not None):
            raise InvalidMessage("a limit order names its limit price, a market order none")
        if self.limit_price is not None:
            check_tick(self.instrument, self.limit_price)


class ExecuteTrade(Command, frozen=True):
    """What the venue reports as done: one fill, or all those of one sweep through its book."""

    trade_id: UUID
    fills: Fills

    def __post_init__(self) -> None:
        if not self.fills:
            raise InvalidMessage("an execution needs at least one fill")
        if len({fill.venue_trade_id for fill in self.fills}) != len(self.fills):
            raise InvalidMessage("an execution names each fill once")


class RejectTrade(Command, frozen=True):
    trade_id: UUID
    reason: NonEmptyText


class CancelTrade(Command, frozen=True):
    """Take back what is still open."""

    trade_id: UUID
    reason: NonEmptyText


class CorrectTrade(Command, frozen=True):
    """A fill was told wrongly; `fill` is what it should have been, under the same venue number."""

    trade_id: UUID
    fill: Fill
    reason: NonEmptyText


class BustTrade(Command, frozen=True):
    """The venue declares one fill void."""

    trade_id: UUID
    venue_trade_id: NonEmptyText
    reason: NonEmptyText


class HoldSettlement(Command, frozen=True):
    trade_id: UUID
    reason: NonEmptyText


class ResumeSettlement(Command, frozen=True):
    trade_id: UUID
    reason: NonEmptyText


class SettleTrade(Command, frozen=True):
    trade_id: UUID
    settled_on: date


TradeCommand: TypeAlias = (
    SubmitTrade
    | ExecuteTrade
    | RejectTrade
    | CancelTrade
    | CorrectTrade
    | BustTrade
    | HoldSettlement
    | ResumeSettlement
    | SettleTrade
)


class OpenAccount(Command, frozen=True):
    account_id: UUID
    reference: NonEmptyText
    owner_id: UUID | None
    currency: Currency
    gross_limit: Decimal

    def __post_init__(self) -> None:
        check_positive("gross_limit", self.gross_limit)


class SetLimit(Command, frozen=True):
    """How much may be frozen at once in one instrument, or, without one, over all."""

    account_id: UUID
    instrument: Code | None
    limit: Decimal

    def __post_init__(self) -> None:
        check_positive("limit", self.limit)


class FreezeAmount(Command, frozen=True):
    """Use up part of the limits for a trade, all of it or nothing."""

    account_id: UUID
    trade_id: UUID
    instrument: Code
    currency: Currency
    amount: Decimal

    def __post_init__(self) -> None:
        check_positive("amount", self.amount)


class ReleaseAmount(Command, frozen=True):
    """Give back what a trade had frozen."""

    account_id: UUID
    trade_id: UUID


AccountCommand: TypeAlias = OpenAccount | SetLimit | FreezeAmount | ReleaseAmount


class RecordAuditExport(Command, frozen=True):
    """Keep on record that a copy of the audit trail is handed over."""

    log_id: UUID
    account_id: UUID | None
    reason: NonEmptyText
    format: NonEmptyText
    trades: Count
    events: Count
    sha256: NonEmptyText


def rounded_notional(quantity: Decimal, price: Decimal) -> Decimal:
    """What so much at this price uses of a limit, rounded up to what an amount can hold."""
    return round_up(multiply(quantity, price), decimals=MAX_DECIMALS)


def check_tick(instrument: Instrument, price: Decimal) -> None:
    check_positive("price", price)
    if not is_multiple(price, instrument.tick):
        raise WrongTick(instrument=instrument.code, price=price, tick=instrument.tick)


def check_lot(instrument: Instrument, quantity: Decimal) -> None:
    check_positive("quantity", quantity)
    if not is_multiple(quantity, instrument.lot):
        raise WrongLot(instrument=instrument.code, quantity=quantity, lot=instrument.lot)
