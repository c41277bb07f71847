"""What can happen to a trade and to a trading account. The value objects are re-exported for readers."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import TypeAlias
from uuid import UUID

from eventshop.core.messages import Event, NonEmptyText, Text
from trading.domain.value_objects import (
    MAX_DECIMALS,
    MAX_FILLS,
    Code,
    Count,
    Currency,
    Deal,
    Fill,
    Fills,
    Instrument,
    OrderType,
    Side,
    check_positive,
    notional,
    volume,
)

__all__ = [
    "MAX_DECIMALS",
    "MAX_FILLS",
    "AccountEvent",
    "AccountOpened",
    "AmountFrozen",
    "AmountReleased",
    "AuditTrailExported",
    "Code",
    "Count",
    "Currency",
    "Deal",
    "Fill",
    "Fills",
    "FreezeRefused",
    "Instrument",
    "LimitSet",
    "OrderType",
    "SettlementHeld",
    "SettlementResumed",
    "Side",
    "TradeBusted",
    "TradeCancelled",
    "TradeCorrected",
    "TradeEvent",
    "TradeExecuted",
    "TradeRejected",
    "TradeSettled",
    "TradeSubmitted",
    "check_positive",
    "notional",
    "volume",
]


class TradeSubmitted(Event, frozen=True):
    """Somebody wants to buy or sell. Without a limit price it is a market order."""

    trade_id: UUID
    reference: NonEmptyText
    account_id: UUID
    instrument: Instrument
    side: Side
    type: OrderType
    quantity: Decimal
    limit_price: Decimal | None


class TradeExecuted(Event, frozen=True):
    """The venue filled some or all of what was open. `open` is what is left of it."""

    trade_id: UUID
    deal: Deal
    fills: Fills
    open: Decimal


class TradeRejected(Event, frozen=True):
    """The trade was not let through to the venue; nothing of it was done."""

    trade_id: UUID
    deal: Deal
    reason: NonEmptyText


class TradeCancelled(Event, frozen=True):
    """What was still open will not be done; what was filled stays."""

    trade_id: UUID
    deal: Deal
    cancelled: Decimal
    reason: NonEmptyText


class TradeCorrected(Event, frozen=True):
    """The venue told a fill wrongly. `corrects` is the version of the event in this stream that told it so."""

    trade_id: UUID
    deal: Deal
    corrects: Count
    was: Fill
    now: Fill
    open: Decimal
    reason: NonEmptyText


class TradeBusted(Event, frozen=True):
    """The venue declared a fill void. `corrects` is the version of the event in this stream that told it."""

    trade_id: UUID
    deal: Deal
    corrects: Count
    was: Fill
    open: Decimal
    reason: NonEmptyText


class SettlementHeld(Event, frozen=True):
    """Staff want the trade not to settle until they say so."""

    trade_id: UUID
    reason: NonEmptyText


class SettlementResumed(Event, frozen=True):
    """The trade may settle again."""

    trade_id: UUID
    reason: NonEmptyText


class TradeSettled(Event, frozen=True):
    """Goods and money changed hands; from now on nothing about the trade changes."""

    trade_id: UUID
    deal: Deal
    quantity: Decimal
    notional: Decimal
    settled_on: date


TradeEvent: TypeAlias = (
    TradeSubmitted
    | TradeExecuted
    | TradeRejected
    | TradeCancelled
    | TradeCorrected
    | TradeBusted
    | SettlementHeld
    | SettlementResumed
    | TradeSettled
)


class AccountOpened(Event, frozen=True):
    """Somebody may trade, up to a gross limit over all instruments. `owner_id` is empty for a house account."""

    account_id: UUID
    reference: NonEmptyText
    owner_id: UUID | None
    currency: Currency
    gross_limit: Decimal


class LimitSet(Event, frozen=True):
    """How much may be frozen at once in one instrument, or gross over all (`instrument` is empty)."""

    account_id: UUID
    instrument: Code | None
    limit: Decimal


class AmountFrozen(Event, frozen=True):
    """Part of the limits is used up by an open trade."""

    account_id: UUID
    trade_id: UUID
    instrument: Code
    amount: Decimal


class FreezeRefused(Event, frozen=True):
    """There was not so much left of a limit; nothing was frozen. `limit` names it: a code, or `gross`."""

    account_id: UUID
    trade_id: UUID
    instrument: Code
    amount: Decimal
    limit: Text
    available: Decimal


class AmountReleased(Event, frozen=True):
    """What a trade had frozen can be used again."""

    account_id: UUID
    trade_id: UUID
    instrument: Code
    amount: Decimal


AccountEvent: TypeAlias = AccountOpened | LimitSet | AmountFrozen | FreezeRefused | AmountReleased


class AuditTrailExported(Event, frozen=True):
    """Somebody took a copy of what happened to trades. Who and when stands beside the event, as ever."""

    log_id: UUID
    account_id: UUID | None  # whose trades; everybody's if empty
    reason: NonEmptyText
    format: NonEmptyText
    trades: Count
    events: Count
    sha256: NonEmptyText  # of the file that was handed over
