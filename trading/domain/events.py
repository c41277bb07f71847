"""Events of the Trade, TradingAccount and AuditLog aggregates. Re-exports their value objects."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated, TypeAlias
from uuid import UUID

from eventshop.core.messages import Event, NonEmptyText, Text
from eventshop.core.personal_fields import NotPersonal
from trading.domain.cost_basis import CostMethod
from trading.domain.value_objects import (
    EXPORT_NOTE,
    MAX_DECIMALS,
    MAX_FILLS,
    TRADING_NOTE,
    Code,
    Count,
    Currency,
    Deal,
    Fill,
    Fills,
    Instrument,
    Note,
    OrderType,
    Reference,
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
    "CostMethodSet",
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
    """An order to buy or sell was submitted. Without a limit price it is a market order."""

    trade_id: UUID
    reference: Reference
    account_id: UUID
    instrument: Instrument
    side: Side
    type: OrderType
    quantity: Decimal
    limit_price: Decimal | None


class TradeExecuted(Event, frozen=True):
    """The venue filled some or all of the open quantity. `open` is the remaining open quantity."""

    trade_id: UUID
    deal: Deal
    fills: Fills
    open: Decimal


class TradeRejected(Event, frozen=True):
    """The trade was rejected before it reached the venue."""

    schema_version = 2

    trade_id: UUID
    deal: Deal
    reason: Annotated[Note, TRADING_NOTE]


class TradeCancelled(Event, frozen=True):
    """The open quantity was cancelled; the fills stay."""

    schema_version = 2

    trade_id: UUID
    deal: Deal
    cancelled: Decimal
    reason: Annotated[Note, TRADING_NOTE]


class TradeCorrected(Event, frozen=True):
    """A fill was corrected. `corrects` is the stream version of the event that reported the wrong fill."""

    schema_version = 2

    trade_id: UUID
    deal: Deal
    corrects: Count
    was: Fill
    now: Fill
    open: Decimal
    reason: Annotated[Note, TRADING_NOTE]


class TradeBusted(Event, frozen=True):
    """The venue declared a fill void. `corrects` is the stream version of the event that reported the fill."""

    schema_version = 2

    trade_id: UUID
    deal: Deal
    corrects: Count
    was: Fill
    open: Decimal
    reason: Annotated[Note, TRADING_NOTE]


class SettlementHeld(Event, frozen=True):
    """The settlement was put on hold."""

    schema_version = 2

    trade_id: UUID
    reason: Annotated[Note, TRADING_NOTE]


class SettlementResumed(Event, frozen=True):
    """The hold on the settlement was released."""

    schema_version = 2

    trade_id: UUID
    reason: Annotated[Note, TRADING_NOTE]


class TradeSettled(Event, frozen=True):
    """The trade settled; no event can follow."""

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
    """A trading account was opened with a gross limit over all instruments. `owner_id` is None for a house account."""

    account_id: UUID
    reference: Reference
    owner_id: UUID | None
    currency: Currency
    gross_limit: Decimal


class LimitSet(Event, frozen=True):
    """The limit of one instrument was set, or the gross limit over all if `instrument` is None."""

    account_id: UUID
    instrument: Code | None
    limit: Decimal


class CostMethodSet(Event, frozen=True):
    """The method by which the account's results are computed was chosen; before, it is the average cost."""

    account_id: UUID
    cost_method: CostMethod


class AmountFrozen(Event, frozen=True):
    """An open trade froze part of the limits."""

    account_id: UUID
    trade_id: UUID
    instrument: Code
    amount: Decimal


class FreezeRefused(Event, frozen=True):
    """A limit was too small, so nothing was frozen. `limit` names it: an instrument code, or `gross`."""

    account_id: UUID
    trade_id: UUID
    instrument: Code
    amount: Decimal
    limit: Annotated[Text, NotPersonal("an instrument's code, or `gross`")]
    available: Decimal


class AmountReleased(Event, frozen=True):
    """The amount that a trade had frozen is available again."""

    account_id: UUID
    trade_id: UUID
    instrument: Code
    amount: Decimal


AccountEvent: TypeAlias = AccountOpened | LimitSet | CostMethodSet | AmountFrozen | FreezeRefused | AmountReleased


class AuditTrailExported(Event, frozen=True):
    """The audit trail was exported. The metadata of the event holds the actor and the time."""

    schema_version = 2

    log_id: UUID
    account_id: UUID | None  # the exported account; None for all accounts
    reason: Annotated[Note, EXPORT_NOTE]
    format: Annotated[NonEmptyText, NotPersonal("a code")]
    trades: Count
    events: Count
    sha256: Annotated[NonEmptyText, NotPersonal("a digest")]  # of the exported file
