"""The Trade aggregate."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final, Self, assert_never
from uuid import UUID

from msgspec.structs import replace

from eventshop.core.aggregate import Aggregate
from eventshop.core.decimal_math import ZERO, add, subtract
from trading.domain.commands import (
    AmendTrade,
    BustTrade,
    CancelTrade,
    CorrectTrade,
    ExecuteTrade,
    ExpireTrade,
    HoldSettlement,
    RejectTrade,
    ReportAmended,
    ReportAmendRejected,
    ReportCancelled,
    ReportCancelRejected,
    ResumeSettlement,
    ReviewTrade,
    SettleTrade,
    SubmitTrade,
    TradeCommand,
    check_lot,
    check_tick,
)
from trading.domain.errors import InvalidTradeState, NotAmendable, NothingFilled, RequestPending, SettlementOnHold
from trading.domain.events import (
    AmendRejected,
    AmendRequested,
    CancelRejected,
    CancelRequested,
    Deal,
    Fill,
    FillsFlagged,
    SettlementHeld,
    SettlementResumed,
    Side,
    TradeAmended,
    TradeBusted,
    TradeCancelled,
    TradeCorrected,
    TradeEvent,
    TradeExecuted,
    TradeExpired,
    TradeRejected,
    TradeReviewed,
    TradeSettled,
    TradeSubmitted,
    volume,
)
from trading.domain.fees import check_fee, compute_fee
from trading.domain.fills import (
    FillBook,
    FillRecord,
    Status,
    broken_rules,
    check_limit_price,
    compute_average,
    deal_of,
    status_for,
    submission_event,
)

__all__ = ["Status", "Trade"]


#: States in which the settlement can be held and resumed.
_CAN_BE_HELD: Final = {Status.OPEN, Status.PARTLY_FILLED, Status.FILLED, Status.CANCELLED, Status.EXPIRED}


class Trade(Aggregate[TradeCommand, TradeEvent], frozen=True):
    """One order to buy or sell, its fills and its settlement. Invariant: executed is the sum of the fills that stand.

    What the venue reports is booked in every state: our cancellation may have come too late. What breaks a rule of ours
    is flagged for review. A wrong fill is corrected by a new event that replaces it. If that reduces the executed
    quantity of a filled trade, the trade is open again, as if the wrong fill had never been reported; a trade that was
    closed before stays closed.
    """

    snapshot_version = 9

    status: Status = Status.PENDING
    submitted: TradeSubmitted | None = None
    amended: TradeSubmitted | None = None  # the same with what was amended since
    loosest_limit: Decimal | None = None  # of all its limit prices: a report may be of a fill before an amendment
    executed: Decimal = ZERO
    notional: Decimal = ZERO  # exact: the sum of price times quantity
    fills: FillBook = FillBook()
    on_hold: bool = False
    closed: Status | None = None  # CANCELLED, EXPIRED or REJECTED: nothing can be filled by us any more
    has_settled: bool = False
    flagged: bool = False
    cancel_requested: CancelRequested | None = None  # which the venue has not answered
    amend_requested: AmendRequested | None = None
    version: int = 0  # number of events in the stream

    @staticmethod
    def id_of(command: TradeCommand) -> UUID:
        return command.trade_id

    def decide(self, command: TradeCommand) -> list[TradeEvent]:
        match self.status, command:
            case Status.PENDING, SubmitTrade() as command:
                return [submission_event(command)]
            case _, SubmitTrade() as command if submission_event(command) == self.submitted:
                return []
            case status, ExecuteTrade() as command if status is not Status.PENDING:
                return self._execute(command)
            case Status.OPEN, RejectTrade() as command:
                return [TradeRejected(command.trade_id, self.deal, command.reason)]
            case Status.OPEN | Status.PARTLY_FILLED, CancelTrade() as command if self.terms.routed:
                requested = CancelRequested(command.trade_id, self.deal, command.reason)
                return [] if self.cancel_requested else [requested]
            case Status.OPEN | Status.PARTLY_FILLED, (CancelTrade() | ReportCancelled()) as command:
                return [TradeCancelled(command.trade_id, self.deal, self.open, command.reason)]
            case Status.OPEN | Status.PARTLY_FILLED, AmendTrade() as command:
                return self._amend(command)
            case Status.OPEN | Status.PARTLY_FILLED, ReportAmended() as command:
                return self._report_amended(command)
            case status, ReportCancelRejected() as command if status is not Status.PENDING:
                rejected = CancelRejected(command.trade_id, self.deal, command.reason)
                return [rejected] if self.cancel_requested else []
            case status, ReportAmendRejected() as command if status is not Status.PENDING:
                return [AmendRejected(command.trade_id, self.deal, command.reason)] if self.amend_requested else []
            case Status.OPEN | Status.PARTLY_FILLED, ExpireTrade() as command:
                return [TradeExpired(command.trade_id, self.deal, self.open)]
            case status, CorrectTrade() as command if status is not Status.PENDING:
                return self._correct(command)
            case status, BustTrade() as command if status is not Status.PENDING:
                return self._bust(command)
            case status, ReviewTrade() as command if status is not Status.PENDING:
                return [TradeReviewed(command.trade_id, command.reason)] if self.flagged else []
            case status, HoldSettlement() as command if status in _CAN_BE_HELD:
                return [] if self.on_hold else [SettlementHeld(command.trade_id, command.reason)]
            case status, ResumeSettlement() as command if status in _CAN_BE_HELD:
                return [SettlementResumed(command.trade_id, command.reason)] if self.on_hold else []
            case Status.FILLED | Status.CANCELLED | Status.EXPIRED, SettleTrade() as command:
                return [self._settle(command)]
            case Status.CANCELLED, CancelTrade() | ReportCancelled():
                return []
            case status, ReportAmended() | ReportCancelled() if status is not Status.PENDING:
                return []  # what the venue said later counts: it filled, expired or rejected the order
            case Status.EXPIRED, ExpireTrade():
                return []
            case Status.REJECTED, RejectTrade():
                return []
            case Status.SETTLED, SettleTrade():
                return []
            case status, _:
                raise InvalidTradeState(command, status)

    def evolve(self, event: TradeEvent) -> Self:
        advanced = replace(self, version=self.version + 1)
        match event:
            case TradeSubmitted():
                return replace(advanced, status=Status.OPEN, submitted=event, loosest_limit=event.limit_price)
            case TradeExecuted(fills=fills):
                return advanced._add_fills(fills)
            case TradeCorrected(was=was, now=now):
                return advanced._replace_fill(was, now)
            case TradeBusted(was=was):
                return advanced._remove_fill(was)
            case TradeRejected():
                return advanced._close(Status.REJECTED)
            case TradeCancelled():
                return advanced._close(Status.CANCELLED)
            case TradeExpired():
                return advanced._close(Status.EXPIRED)
            case CancelRequested():
                return replace(advanced, cancel_requested=event)
            case CancelRejected():
                return replace(advanced, cancel_requested=None)
            case AmendRequested():
                return replace(advanced, amend_requested=event)
            case AmendRejected():
                return replace(advanced, amend_requested=None)
            case TradeAmended(quantity=quantity, limit_price=limit_price):
                terms = replace(self.terms, quantity=quantity, limit_price=limit_price)
                limits = [limit for limit in (self.loosest_limit, limit_price) if limit is not None]
                loosest = (max if terms.side is Side.BUY else min)(limits, default=None)
                status = status_for(self.executed, quantity, self.closed)
                return replace(advanced, status=status, amended=terms, loosest_limit=loosest, amend_requested=None)
            case FillsFlagged():
                return replace(advanced, flagged=True)
            case TradeReviewed():
                return replace(advanced, flagged=False)
            case SettlementHeld():
                return replace(advanced, on_hold=True)
            case SettlementResumed():
                return replace(advanced, on_hold=False)
            case TradeSettled():
                closed = self.closed or Status.CANCELLED
                return replace(advanced, status=Status.SETTLED, has_settled=True, closed=closed)
            case _:
                assert_never(event)

    @property
    def terms(self) -> TradeSubmitted:
        """The first event of the stream, with what was amended since."""
        assert self.submitted is not None  # noqa: S101  (narrows a type; every caller has left PENDING)
        return self.amended or self.submitted

    @property
    def deal(self) -> Deal:
        return deal_of(self.terms)

    @property
    def open(self) -> Decimal:
        """The quantity that can still be filled."""
        return self._open_after(self.executed)

    @property
    def average_price(self) -> Decimal | None:
        """Notional divided by quantity, rounded half to even to 10 decimals; None before the first fill."""
        return compute_average(self.notional, self.executed)

    def _open_after(self, executed: Decimal) -> Decimal:
        return ZERO if self.closed else max(subtract(self.terms.quantity, executed), ZERO)

    # --- deciding -------------------------------------------------------------------------------------------------

    def _execute(self, command: ExecuteTrade) -> list[TradeEvent]:
        new = tuple(self._with_fee(fill) for fill in command.fills if not self.fills.contains(fill))
        if not new:
            return []
        for fill in new:
            self._check_fill(fill)
        executed = add(self.executed, volume(new))
        return [
            TradeExecuted(command.trade_id, self.deal, new, self._open_after(executed)),
            *self._flags(executed),
        ]

    def _amend(self, command: AmendTrade) -> list[TradeEvent]:
        terms = self.terms
        quantity = terms.quantity if command.quantity is None else command.quantity
        limit_price = terms.limit_price if command.limit_price is None else command.limit_price
        if (quantity, limit_price) == (terms.quantity, terms.limit_price):
            return []
        if (limit_price is None) != (terms.limit_price is None):
            raise NotAmendable(trade=terms.reference, type=terms.type, limit_price=limit_price)
        if quantity <= self.executed:
            raise NotAmendable(trade=terms.reference, filled=self.executed, quantity=quantity)
        check_lot(terms.instrument, quantity)
        if limit_price is not None:
            check_tick(terms.instrument, limit_price)
        if terms.routed:
            if self.amend_requested:
                if (self.amend_requested.quantity, self.amend_requested.limit_price) == (quantity, limit_price):
                    return []
                raise RequestPending(trade=terms.reference, quantity=self.amend_requested.quantity)
            return [AmendRequested(command.trade_id, self.deal, quantity, limit_price, command.reason)]
        left = subtract(quantity, self.executed)
        return [TradeAmended(command.trade_id, self.deal, quantity, limit_price, left, command.reason)]

    def _report_amended(self, command: ReportAmended) -> list[TradeEvent]:
        """What the venue says counts, whatever was asked for."""
        terms, quantity, limit_price = self.terms, command.quantity, command.limit_price
        if (quantity, limit_price) == (terms.quantity, terms.limit_price):
            return []
        left = max(subtract(quantity, self.executed), ZERO)
        reason = self.amend_requested.reason if self.amend_requested else "amended by the venue"
        return [TradeAmended(command.trade_id, self.deal, quantity, limit_price, left, reason)]

    def _correct(self, command: CorrectTrade) -> list[TradeEvent]:
        record = self.fills.get_valid(command.fill.venue_trade_id)
        was, now = record.fill, self._with_fee(command.fill, record.fill)
        if was == now:
            return []
        self._check_fill(now)
        executed = add(self.executed, subtract(now.quantity, was.quantity))
        open_quantity = self._open_after(executed)
        corrected = TradeCorrected(command.trade_id, self.deal, record.told_in, was, now, open_quantity, command.reason)
        return [corrected, *self._flags(executed)]

    def _bust(self, command: BustTrade) -> list[TradeEvent]:
        record = self.fills.get(command.venue_trade_id)
        if record is not None and record.void:
            return []
        record = self.fills.get_valid(command.venue_trade_id)
        executed = subtract(self.executed, record.fill.quantity)
        busted = TradeBusted(
            command.trade_id, self.deal, record.told_in, record.fill, self._open_after(executed), command.reason
        )
        return [busted, *self._flags(executed)]

    def _flags(self, executed: Decimal) -> list[FillsFlagged]:
        rules = broken_rules(self.status, self.executed, executed, self.terms.quantity)
        return [FillsFlagged(self.terms.trade_id, self.deal, rule, excess) for rule, excess in rules]

    def _settle(self, command: SettleTrade) -> TradeSettled:
        if self.on_hold:
            raise SettlementOnHold(trade=self.terms.reference)
        if not self.executed and not self.has_settled:  # what has settled can be void as a whole
            raise NothingFilled(trade=self.terms.reference)
        return TradeSettled(command.trade_id, self.deal, self.executed, self.notional, command.settled_on)

    def _with_fee(self, fill: Fill, former: Fill | None = None) -> Fill:
        """The fill with the fee that its report names, or that was reported formerly, or by the terms of the trade."""
        if fill.fee:
            return fill
        if former and former.fee != compute_fee(self.terms, former):
            return replace(fill, fee=former.fee)
        return replace(fill, fee=compute_fee(self.terms, fill))

    def _check_fill(self, fill: Fill) -> None:
        check_fee(self.terms, fill)
        check_tick(self.terms.instrument, fill.price)
        check_lot(self.terms.instrument, fill.quantity)
        check_limit_price(self.terms.side, self.loosest_limit, fill)

    # --- evolving -------------------------------------------------------------------------------------------------

    def _close(self, status: Status) -> Self:
        return replace(self, status=status, closed=status, cancel_requested=None, amend_requested=None)

    def _add_fills(self, fills: tuple[Fill, ...]) -> Self:
        executed, notional = self.executed, self.notional
        for fill in fills:
            executed, notional = add(executed, fill.quantity), add(notional, fill.notional)
        return self._with_totals(
            executed, notional, self.fills.with_records(FillRecord(fill, self.version) for fill in fills)
        )

    def _replace_fill(self, was: Fill, now: Fill) -> Self:
        executed = add(subtract(self.executed, was.quantity), now.quantity)
        notional = add(subtract(self.notional, was.notional), now.notional)
        return self._with_totals(executed, notional, self._update_fill(now.venue_trade_id, corrected=now))

    def _remove_fill(self, was: Fill) -> Self:
        executed, notional = subtract(self.executed, was.quantity), subtract(self.notional, was.notional)
        return self._with_totals(executed, notional, self._update_fill(was.venue_trade_id, void=True))

    def _update_fill(self, venue_trade_id: str, **changes: Any) -> FillBook:
        record = self.fills.get(venue_trade_id)
        assert record is not None  # noqa: S101  (narrows a type; only a reported fill is corrected)
        return self.fills.with_records([replace(record, told_in=self.version, **changes)])

    def _with_totals(self, executed: Decimal, notional: Decimal, fills: FillBook) -> Self:
        status = status_for(executed, self.terms.quantity, self.closed)
        return replace(self, status=status, executed=executed, notional=notional, fills=fills)
