"""Events of the Trade and AuditLog aggregates. Re-exports the account's, and the value objects."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated, TypeAlias
from uuid import UUID

from eventshop.core.messages import Event, Instant, NonEmptyText
from eventshop.core.personal_fields import NotPersonal
from trading.domain.account_events import (
    AccountEvent,
    AccountOpened,
    AmountFrozen,
    AmountReleased,
    CostMethodSet,
    FreezeRefused,
    LimitSet,
)
from trading.domain.value_objects import (
    EXPORT_NOTE,
    MAX_DECIMALS,
    MAX_FILLS,
    REVIEW_NOTE,
    TRADING_NOTE,
    Code,
    Contract,
    Count,
    Currency,
    Deal,
    Fee,
    FeeTerms,
    Fill,
    Fills,
    Instrument,
    Note,
    OpenOrder,
    OrderType,
    Reference,
    ReviewRule,
    Side,
    TickBand,
    TimeInForce,
    check_exact,
    check_positive,
    notional,
    volume,
)

__all__ = [
    "MAX_DECIMALS",
    "MAX_FILLS",
    "AccountEvent",
    "AccountOpened",
    "AmendRejected",
    "AmendRequested",
    "AmountFrozen",
    "AmountReleased",
    "AuditTrailExported",
    "CancelRejected",
    "CancelRequested",
    "Code",
    "Contract",
    "CostMethodSet",
    "Count",
    "Currency",
    "Deal",
    "Fee",
    "FeeTerms",
    "Fill",
    "Fills",
    "FillsFlagged",
    "FreezeRefused",
    "Instrument",
    "LimitSet",
    "OpenOrder",
    "OrderType",
    "ReviewRule",
    "SettlementHeld",
    "SettlementResumed",
    "Side",
    "TickBand",
    "TimeInForce",
    "TradeAmended",
    "TradeBusted",
    "TradeCancelled",
    "TradeCorrected",
    "TradeEvent",
    "TradeExecuted",
    "TradeExpired",
    "TradeRejected",
    "TradeReviewed",
    "TradeSettled",
    "TradeSubmitted",
    "check_exact",
    "check_positive",
    "notional",
    "volume",
]


class TradeSubmitted(Event, frozen=True):
    """An order to buy or sell was submitted. Without a limit price it is a market order."""

    schema_version = 5

    trade_id: UUID
    reference: Reference
    account_id: UUID
    instrument: Instrument
    side: Side
    type: OrderType
    quantity: Decimal
    limit_price: Decimal | None
    time_in_force: TimeInForce = TimeInForce.GTC
    good_until: Instant | None = None  # the end of the venue's day, of an order for the day
    taken_in: OpenOrder | None = None  # of an order that was open before; `quantity` is what was open
    routed: bool = False  # sent to a venue, which answers; else the desk says what the venue said
    fee_terms: FeeTerms | None = None  # by which fees are computed that no report names


class TradeExecuted(Event, frozen=True):
    """The venue filled some or all of the open quantity. `open` is the remaining open quantity."""

    schema_version = 3

    trade_id: UUID
    deal: Deal
    fills: Fills
    open: Decimal


class TradeRejected(Event, frozen=True):
    """The trade was rejected before it reached the venue."""

    schema_version = 3

    trade_id: UUID
    deal: Deal
    reason: Annotated[Note, TRADING_NOTE]


class CancelRequested(Event, frozen=True):
    """The venue is asked to cancel the open quantity; until it answers, it may fill."""

    trade_id: UUID
    deal: Deal
    reason: Annotated[Note, REVIEW_NOTE]


class CancelRejected(Event, frozen=True):
    """The venue did not cancel: it was too late, for instance."""

    trade_id: UUID
    deal: Deal
    reason: Annotated[Note, REVIEW_NOTE]


class AmendRequested(Event, frozen=True):
    """The venue is asked to change quantity or limit price of an open trade. Both are the new values."""

    trade_id: UUID
    deal: Deal
    quantity: Decimal
    limit_price: Decimal | None
    reason: Annotated[Note, REVIEW_NOTE]


class AmendRejected(Event, frozen=True):
    """The venue did not amend; the order stays as it was."""

    trade_id: UUID
    deal: Deal
    reason: Annotated[Note, REVIEW_NOTE]


class TradeCancelled(Event, frozen=True):
    """The open quantity was cancelled; the fills stay."""

    schema_version = 3

    trade_id: UUID
    deal: Deal
    cancelled: Decimal
    reason: Annotated[Note, TRADING_NOTE]


class TradeAmended(Event, frozen=True):
    """Quantity or limit price of an open trade changed. Both are the new values; `open` is what can still be filled."""

    trade_id: UUID
    deal: Deal
    quantity: Decimal
    limit_price: Decimal | None
    open: Decimal
    reason: Annotated[Note, REVIEW_NOTE]


class TradeExpired(Event, frozen=True):
    """The time for which the order was good is over; the fills stay."""

    trade_id: UUID
    deal: Deal
    expired: Decimal


class TradeCorrected(Event, frozen=True):
    """A fill was corrected. `corrects` is the stream version of the event that reported the wrong fill."""

    schema_version = 4

    trade_id: UUID
    deal: Deal
    corrects: Count
    was: Fill
    now: Fill
    open: Decimal
    reason: Annotated[Note, TRADING_NOTE]


class TradeBusted(Event, frozen=True):
    """The venue declared a fill void. `corrects` is the stream version of the event that reported the fill."""

    schema_version = 4

    trade_id: UUID
    deal: Deal
    corrects: Count
    was: Fill
    open: Decimal
    reason: Annotated[Note, TRADING_NOTE]


class FillsFlagged(Event, frozen=True):
    """What the venue reported just before breaks a rule of ours: it is booked, and staff are to look at it."""

    schema_version = 2

    trade_id: UUID
    deal: Deal
    rule: ReviewRule
    excess: Decimal  # what was filled beyond the quantity; 0 for the other rules


class TradeReviewed(Event, frozen=True):
    """Staff have looked at what was flagged."""

    trade_id: UUID
    reason: Annotated[Note, REVIEW_NOTE]


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
    """The trade settled. If a fill is reported, corrected or void afterwards, it settles again with its new totals."""

    schema_version = 2

    trade_id: UUID
    deal: Deal
    quantity: Decimal
    notional: Decimal
    settled_on: date


TradeEvent: TypeAlias = (
    TradeSubmitted
    | TradeExecuted
    | TradeRejected
    | CancelRequested
    | CancelRejected
    | TradeCancelled
    | AmendRequested
    | AmendRejected
    | TradeAmended
    | TradeExpired
    | TradeCorrected
    | TradeBusted
    | FillsFlagged
    | TradeReviewed
    | SettlementHeld
    | SettlementResumed
    | TradeSettled
)


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
