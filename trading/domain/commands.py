"""Commands of the Trade, TradingAccount and AuditLog aggregates."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated, TypeAlias
from uuid import UUID

from eventshop.core.decimal_math import is_multiple
from eventshop.core.errors import InvalidMessage
from eventshop.core.messages import Command, Instant, NonEmptyText
from eventshop.core.personal_fields import NotPersonal
from trading.domain.cost_basis import CostMethod
from trading.domain.errors import NegativePrice, WrongLot, WrongTick
from trading.domain.events import (
    Code,
    Count,
    Currency,
    FeeTerms,
    Fill,
    Fills,
    Instrument,
    OpenOrder,
    OrderType,
    Side,
    TimeInForce,
    check_exact,
    check_positive,
)
from trading.domain.value_objects import EXPORT_NOTE, REVIEW_NOTE, TRADING_NOTE, Reference, VenueTradeId


class SubmitTrade(Command, frozen=True):
    """Submit an order to buy or sell. The instrument comes from the table, `trading.application.instruments`."""

    trade_id: UUID
    reference: Reference
    account_id: UUID
    instrument: Instrument
    side: Side
    type: OrderType
    quantity: Decimal
    limit_price: Decimal | None = None
    time_in_force: TimeInForce = TimeInForce.GTC
    good_until: Instant | None = None
    taken_in: OpenOrder | None = None
    routed: bool = False
    fee_terms: FeeTerms | None = None

    added_fields = ("routed", "fee_terms")

    def __post_init__(self) -> None:
        check_lot(self.instrument, self.quantity)
        if (self.time_in_force is TimeInForce.DAY) != (self.good_until is not None):
            raise InvalidMessage("an order for the day needs the time until which it is good; another one has none")
        if self.taken_in and self.taken_in.ordered < self.quantity:
            raise InvalidMessage(f"{self.quantity} of an order of {self.taken_in.ordered} cannot be open")
        if (self.type is OrderType.LIMIT) != (self.limit_price is not None):
            raise InvalidMessage("a limit order needs a limit price; a market order has none")
        if self.limit_price is not None:
            check_tick(self.instrument, self.limit_price)


class ExecuteTrade(Command, frozen=True):
    """Report fills of the venue: one fill, or all fills of one sweep through its order book."""

    trade_id: UUID
    fills: Fills

    added_fields = ("fills.fee",)

    def __post_init__(self) -> None:
        if not self.fills:
            raise InvalidMessage("an execution needs at least one fill")
        if len({fill.venue_trade_id for fill in self.fills}) != len(self.fills):
            raise InvalidMessage("an execution must contain each fill once")


class RejectTrade(Command, frozen=True):
    """Reject a trade before it reaches the venue."""

    trade_id: UUID
    reason: Annotated[NonEmptyText, TRADING_NOTE]


class CancelTrade(Command, frozen=True):
    """Cancel the open quantity. Of an order at a venue it is a request, which the venue answers."""

    trade_id: UUID
    reason: Annotated[NonEmptyText, TRADING_NOTE]


class AmendTrade(Command, frozen=True):
    """Change quantity or limit price of an open trade; None leaves the one as it is."""

    trade_id: UUID
    reason: Annotated[NonEmptyText, REVIEW_NOTE]
    quantity: Decimal | None = None
    limit_price: Decimal | None = None

    def __post_init__(self) -> None:
        if self.quantity is None and self.limit_price is None:
            raise InvalidMessage("an amendment needs a quantity or a limit price")
        if self.quantity is not None:
            check_positive("quantity", self.quantity)
        if self.limit_price is not None:
            check_exact("limit_price", self.limit_price)


class ReportCancelled(Command, frozen=True):
    """Report that the venue has cancelled, asked or of its own."""

    trade_id: UUID
    reason: Annotated[NonEmptyText, TRADING_NOTE]


class ReportCancelRejected(Command, frozen=True):
    """Report that the venue does not cancel."""

    trade_id: UUID
    reason: Annotated[NonEmptyText, REVIEW_NOTE]


class ReportAmended(Command, frozen=True):
    """Report the quantity and the limit price that the order now has at the venue."""

    trade_id: UUID
    quantity: Decimal
    limit_price: Decimal | None

    def __post_init__(self) -> None:
        check_positive("quantity", self.quantity)
        if self.limit_price is not None:
            check_exact("limit_price", self.limit_price)


class ReportAmendRejected(Command, frozen=True):
    """Report that the venue does not amend."""

    trade_id: UUID
    reason: Annotated[NonEmptyText, REVIEW_NOTE]


class ExpireTrade(Command, frozen=True):
    """End an order that is no longer good."""

    trade_id: UUID


class CorrectTrade(Command, frozen=True):
    """Correct a fill that was reported wrongly; `fill` has the right values and the same `venue_trade_id`.

    Without a fee, the fee that was reported stays, and one that was computed is computed anew.
    """

    trade_id: UUID
    fill: Fill
    reason: Annotated[NonEmptyText, TRADING_NOTE]

    added_fields = ("fill.fee",)


class BustTrade(Command, frozen=True):
    """Declare one fill void, as the venue did."""

    trade_id: UUID
    venue_trade_id: VenueTradeId
    reason: Annotated[NonEmptyText, TRADING_NOTE]


class ReviewTrade(Command, frozen=True):
    """Confirm that what was flagged has been looked at."""

    trade_id: UUID
    reason: Annotated[NonEmptyText, REVIEW_NOTE]


class HoldSettlement(Command, frozen=True):
    """Put the settlement on hold."""

    trade_id: UUID
    reason: Annotated[NonEmptyText, TRADING_NOTE]


class ResumeSettlement(Command, frozen=True):
    """Release the hold on the settlement."""

    trade_id: UUID
    reason: Annotated[NonEmptyText, TRADING_NOTE]


class SettleTrade(Command, frozen=True):
    """Settle the executed quantity on a value date."""

    trade_id: UUID
    settled_on: date


TradeCommand: TypeAlias = (
    SubmitTrade
    | ExecuteTrade
    | RejectTrade
    | CancelTrade
    | AmendTrade
    | ReportCancelled
    | ReportCancelRejected
    | ReportAmended
    | ReportAmendRejected
    | ExpireTrade
    | CorrectTrade
    | BustTrade
    | ReviewTrade
    | HoldSettlement
    | ResumeSettlement
    | SettleTrade
)


class OpenAccount(Command, frozen=True):
    """Open a trading account; `owner_id` is None for a house account."""

    account_id: UUID
    reference: Reference
    owner_id: UUID | None
    currency: Currency
    gross_limit: Decimal

    def __post_init__(self) -> None:
        check_positive("gross_limit", self.gross_limit)


class SetLimit(Command, frozen=True):
    """Set the limit of one instrument or, without an instrument, the gross limit over all."""

    account_id: UUID
    instrument: Code | None
    limit: Decimal

    def __post_init__(self) -> None:
        check_positive("limit", self.limit)


class SetCostMethod(Command, frozen=True):
    """Choose how the account's results are computed. All its results, past ones too, follow the new method."""

    account_id: UUID
    cost_method: CostMethod


class FreezeAmount(Command, frozen=True):
    """Freeze an amount of the limits for a trade, completely or not at all."""

    account_id: UUID
    trade_id: UUID
    instrument: Code
    currency: Currency
    amount: Decimal

    def __post_init__(self) -> None:
        check_positive("amount", self.amount)


class ChangeFrozenAmount(Command, frozen=True):
    """Freeze another amount for a trade that was amended, in place of the former one."""

    account_id: UUID
    trade_id: UUID
    amount: Decimal
    may_release: bool = True  # False: a smaller amount changes nothing, because the venue has not amended yet

    added_fields = ("may_release",)

    def __post_init__(self) -> None:
        check_positive("amount", self.amount)


class ReleaseAmount(Command, frozen=True):
    """Release the amount that a trade has frozen."""

    account_id: UUID
    trade_id: UUID


AccountCommand: TypeAlias = OpenAccount | SetLimit | SetCostMethod | FreezeAmount | ChangeFrozenAmount | ReleaseAmount


class RecordAuditExport(Command, frozen=True):
    """Record that the audit trail is exported."""

    log_id: UUID
    account_id: UUID | None
    reason: Annotated[NonEmptyText, EXPORT_NOTE]
    format: Annotated[NonEmptyText, NotPersonal("a code")]
    trades: Count
    events: Count
    sha256: Annotated[NonEmptyText, NotPersonal("a digest")]


def check_tick(instrument: Instrument, price: Decimal) -> None:
    """Raise `NegativePrice` or `WrongTick` unless the instrument can have this price."""
    check_exact("price", price)
    if price <= 0 and not instrument.negative_prices:
        raise NegativePrice(instrument=instrument.code, price=price)
    if not is_multiple(price, tick := instrument.tick_at(price)):
        raise WrongTick(instrument=instrument.code, price=price, tick=tick)


def check_lot(instrument: Instrument, quantity: Decimal) -> None:
    check_positive("quantity", quantity)
    if not is_multiple(quantity, instrument.lot):
        raise WrongLot(instrument=instrument.code, quantity=quantity, lot=instrument.lot)
