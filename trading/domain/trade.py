"""One trade: what may happen to it, and what it is after that."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Self, assert_never
from uuid import UUID

from msgspec.structs import replace

from eventshop.core.aggregate import Aggregate
from eventshop.core.decimal_math import ZERO, subtract, add
from eventshop.core.message_registry import registry
from trading.domain.commands import (
    BustTrade,
    CancelTrade,
    CorrectTrade,
    ExecuteTrade,
    HoldSettlement,
    RejectTrade,
    ResumeSettlement,
    SettleTrade,
    SubmitTrade,
    TradeCommand,
    check_lot,
    check_tick,
)
from trading.domain.errors import InvalidTradeState, NothingFilled, Overfilled, SettlementOnHold
from trading.domain.events import (
    Deal,
    Fill,
    SettlementHeld,
    SettlementResumed,
    TradeBusted,
    TradeCancelled,
    TradeCorrected,
    TradeEvent,
    TradeExecuted,
    TradeRejected,
    TradeSettled,
    TradeSubmitted,
    volume,
)
from trading.domain.fills import FillBook, FillRecord, Status, compute_average, check_limit_price, submission_event

__all__ = ["Status", "Trade"]


class Trade(Aggregate[TradeCommand, TradeEvent], frozen=True):
    """One order to buy or sell, its fills, and their settlement. Sum of fills = executed <= ordered, always.

    What was told wrongly is never rewritten: a correction takes the wrong fill out and puts the right one in. Taking
    some of a filled trade back opens it again, as if the wrong fill had never been told.
    """

    status: Status = Status.PENDING
    submitted: TradeSubmitted | None = None
    executed: Decimal = ZERO
    notional: Decimal = ZERO  # exact: the sum of price times quantity
    fills: FillBook = FillBook()
    on_hold: bool = False
    version: int = 0  # how many events there were

    @staticmethod
    def id_of(command: TradeCommand) -> UUID:
        return command.trade_id

    def decide(self, command: TradeCommand) -> list[TradeEvent]:
        match self.status, command:
            case Status.PENDING, SubmitTrade() as it:
                return [submission_event(it)]
            case status, ExecuteTrade() as it if status is not Status.PENDING:
                return self._execute(it)
            case Status.OPEN, RejectTrade() as it:
                return [TradeRejected(it.trade_id, self.deal, it.reason)]
            case Status.OPEN | Status.PARTLY_FILLED, CancelTrade() as it:
                return [TradeCancelled(it.trade_id, self.deal, self.open, it.reason)]
            case Status.OPEN | Status.PARTLY_FILLED | Status.FILLED | Status.CANCELLED, CorrectTrade() as it:
                return self._correct(it)
            case Status.OPEN | Status.PARTLY_FILLED | Status.FILLED | Status.CANCELLED, BustTrade() as it:
                return self._bust(it)
            case Status.OPEN | Status.PARTLY_FILLED | Status.FILLED | Status.CANCELLED, HoldSettlement() as it:
                return [] if self.on_hold else [SettlementHeld(it.trade_id, it.reason)]
            case Status.OPEN | Status.PARTLY_FILLED | Status.FILLED | Status.CANCELLED, ResumeSettlement() as it:
                return [SettlementResumed(it.trade_id, it.reason)] if self.on_hold else []
            case Status.FILLED | Status.CANCELLED, SettleTrade() as it:
                return [self._settle(it)]
            case Status.CANCELLED, CancelTrade():
                return []
            case Status.REJECTED, RejectTrade():
                return []
            case Status.SETTLED, SettleTrade():
                return []
            case status, _:
                raise InvalidTradeState(command, status)

    def evolve(self, event: TradeEvent) -> Self:
        now = replace(self, version=self.version + 1)
        match event:
            case TradeSubmitted():
                return replace(now, status=Status.OPEN, submitted=event)
            case TradeExecuted(fills=fills):
                return now._add_fills(fills)
            case TradeCorrected(was=was, now=right):
                return now._replace_fill(was, right)
            case TradeBusted(was=was):
                return now._remove_fill(was)
            case TradeRejected():
                return replace(now, status=Status.REJECTED)
            case TradeCancelled():
                return replace(now, status=Status.CANCELLED)
            case SettlementHeld():
                return replace(now, on_hold=True)
            case SettlementResumed():
                return replace(now, on_hold=False)
            case TradeSettled():
                return replace(now, status=Status.SETTLED)
            case _:
                assert_never(event)

    @property
    def terms(self) -> TradeSubmitted:
        """What was submitted; there is no other event before it."""
        assert self.submitted is not None  # noqa: S101  (narrows a type; every caller has left PENDING)
        return self.submitted

    @property
    def deal(self) -> Deal:
        it = self.terms
        return Deal(it.account_id, it.instrument.code, it.instrument.currency, it.side)

    @property
    def open(self) -> Decimal:
        """How much may still be filled."""
        return self._open_after(self.executed)

    @property
    def average_price(self) -> Decimal | None:
        """Notional by quantity, to 10 decimals, half to even; nobody knows it before the first fill."""
        return compute_average(self.notional, self.executed)

    def _open_after(self, executed: Decimal) -> Decimal:
        if self.status not in (Status.OPEN, Status.PARTLY_FILLED, Status.FILLED):
            return ZERO
        return subtract(self.terms.quantity, executed)

    # --- deciding -------------------------------------------------------------------------------------------------

    def _execute(self, it: ExecuteTrade) -> list[TradeEvent]:
        new = tuple(fill for fill in it.fills if not self.fills.contains(fill))
        if not new:
            return []
        if self.status not in (Status.OPEN, Status.PARTLY_FILLED):
            raise InvalidTradeState(it, self.status)
        for fill in new:
            self._check_fill(fill)
        executed = self._executed_plus(volume(new))
        return [TradeExecuted(it.trade_id, self.deal, new, self._open_after(executed))]

    def _correct(self, it: CorrectTrade) -> list[TradeEvent]:
        booked = self.fills.get_valid(it.fill.venue_trade_id)
        if booked.fill == it.fill:
            return []
        self._check_fill(it.fill)
        executed = self._executed_plus(subtract(it.fill.quantity, booked.fill.quantity))
        left = self._open_after(executed)
        return [TradeCorrected(it.trade_id, self.deal, booked.told_in, booked.fill, it.fill, left, it.reason)]

    def _bust(self, it: BustTrade) -> list[TradeEvent]:
        booked = self.fills.get(it.venue_trade_id)
        if booked is not None and booked.void:
            return []
        booked = self.fills.get_valid(it.venue_trade_id)
        left = self._open_after(subtract(self.executed, booked.fill.quantity))
        return [TradeBusted(it.trade_id, self.deal, booked.told_in, booked.fill, left, it.reason)]

    def _settle(self, it: SettleTrade) -> TradeSettled:
        if self.on_hold:
            raise SettlementOnHold(trade=self.terms.reference)
        if not self.executed:
            raise NothingFilled(trade=self.terms.reference)
        return TradeSettled(it.trade_id, self.deal, self.executed, self.notional, it.settled_on)

    def _check_fill(self, fill: Fill) -> None:
        it = self.terms
        check_tick(it.instrument, fill.price)
        check_lot(it.instrument, fill.quantity)
        check_limit_price(it, fill)

    def _executed_plus(self, more: Decimal) -> Decimal:
        executed = add(self.executed, more)
        if executed > self.terms.quantity:
            raise Overfilled(ordered=self.terms.quantity, executed=self.executed, filled=more)
        return executed

    # --- evolving -------------------------------------------------------------------------------------------------

    def _add_fills(self, fills: tuple[Fill, ...]) -> Self:
        executed, notional = self.executed, self.notional
        for fill in fills:
            executed, notional = add(executed, fill.quantity), add(notional, fill.notional)
        return self._with_totals(executed, notional, self.fills.with_records(FillRecord(fill, self.version) for fill in fills))

    def _replace_fill(self, was: Fill, now: Fill) -> Self:
        executed = add(subtract(self.executed, was.quantity), now.quantity)
        notional = add(subtract(self.notional, was.notional), now.notional)
        return self._with_totals(executed, notional, self._update_fill(now.venue_trade_id, corrected=now))

    def _remove_fill(self, was: Fill) -> Self:
        executed, notional = subtract(self.executed, was.quantity), subtract(self.notional, was.notional)
        return self._with_totals(executed, notional, self._update_fill(was.venue_trade_id, void=True))

    def _update_fill(self, venue_trade_id: str, **changes: Any) -> FillBook:
        booked = self.fills.get(venue_trade_id)
        assert booked is not None  # noqa: S101  (narrows a type; only a fill that was told is corrected)
        return self.fills.with_records([replace(booked, told_in=self.version, **changes)])

    def _with_totals(self, executed: Decimal, notional: Decimal, fills: FillBook) -> Self:
        status = self.status
        if status is not Status.CANCELLED:
            left = executed < self.terms.quantity
            status = Status.FILLED if not left else Status.PARTLY_FILLED if executed else Status.OPEN
        return replace(self, status=status, executed=executed, notional=notional, fills=fills)


registry.add(Trade)
