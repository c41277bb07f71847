"""Example commands and events of one trade for the tests: Ada buys 10 SAP at 200.00 or better."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

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
)
from trading.domain.events import (
    AmendRejected,
    AmendRequested,
    CancelRejected,
    CancelRequested,
    Deal,
    Fill,
    FillsFlagged,
    OrderType,
    ReviewRule,
    SettlementHeld,
    SettlementResumed,
    Side,
    TradeAmended,
    TradeBusted,
    TradeCancelled,
    TradeCorrected,
    TradeExecuted,
    TradeExpired,
    TradeRejected,
    TradeReviewed,
    TradeSettled,
    TradeSubmitted,
)
from trading.importers.instruments.reference_file import FIRST_INSTRUMENTS, ReferenceFile

TRADE = UUID("00000000-0000-4000-8000-000000000071")
ACCOUNT = UUID("00000000-0000-4000-8000-0000000000ac")
LISTINGS = ReferenceFile(FIRST_INSTRUMENTS).listings
SAP = LISTINGS["XETRA/SAP"].instrument
NOON = datetime(2026, 1, 30, 12, tzinfo=UTC)
DEAL = Deal(ACCOUNT, SAP.code, "EUR", Side.BUY)


def fill(number: str, quantity: str, price: str = "200.00") -> Fill:
    return Fill(number, Decimal(price), Decimal(quantity), NOON)


def execute(*fills: Fill) -> ExecuteTrade:
    return ExecuteTrade(TRADE, fills)


def correct(right: Fill) -> CorrectTrade:
    return CorrectTrade(TRADE, right, "typed wrongly")


def bust(number: str) -> BustTrade:
    return BustTrade(TRADE, number, "erroneous print")


def executed(*fills: Fill, left: str) -> TradeExecuted:
    return TradeExecuted(TRADE, DEAL, fills, Decimal(left))


def corrected(was: Fill, now: Fill, *, corrects: int, left: str) -> TradeCorrected:
    return TradeCorrected(TRADE, DEAL, corrects, was, now, Decimal(left), "typed wrongly")


def busted(was: Fill, *, corrects: int, left: str) -> TradeBusted:
    return TradeBusted(TRADE, DEAL, corrects, was, Decimal(left), "erroneous print")


submit = SubmitTrade(TRADE, "T-1", ACCOUNT, SAP, Side.BUY, OrderType.LIMIT, Decimal(10), Decimal("200.00"))
amend = AmendTrade(TRADE, "the market moved", Decimal(8), Decimal("199.00"))
amended = TradeAmended(TRADE, DEAL, Decimal(8), Decimal("199.00"), Decimal(8), "the market moved")
amend_requested = AmendRequested(TRADE, DEAL, Decimal(8), Decimal("199.00"), "the market moved")
amend_rejected = AmendRejected(TRADE, DEAL, "cannot be amended")
report_amended = ReportAmended(TRADE, Decimal(8), Decimal("199.00"))
report_amend_rejected = ReportAmendRejected(TRADE, "cannot be amended")
cancel_requested = CancelRequested(TRADE, DEAL, "too slow")
cancel_rejected = CancelRejected(TRADE, DEAL, "too late")
report_cancelled = ReportCancelled(TRADE, "too slow")
report_cancel_rejected = ReportCancelRejected(TRADE, "too late")
expire = ExpireTrade(TRADE)
reject = RejectTrade(TRADE, "limit exceeded")
cancel = CancelTrade(TRADE, "too slow")
review = ReviewTrade(TRADE, "the venue confirmed it")
reviewed = TradeReviewed(TRADE, "the venue confirmed it")
hold = HoldSettlement(TRADE, "papers missing")
resume = ResumeSettlement(TRADE, "papers came")
settle = SettleTrade(TRADE, date(2026, 2, 3))

submitted = TradeSubmitted(TRADE, "T-1", ACCOUNT, SAP, Side.BUY, OrderType.LIMIT, Decimal(10), Decimal("200.00"))
FOUR, SIX = fill("v1", "4", "199.98"), fill("v2", "6")
four = executed(FOUR, left="6")
six = executed(SIX, left="0")
rejected = TradeRejected(TRADE, DEAL, "limit exceeded")
held = SettlementHeld(TRADE, "papers missing")
resumed = SettlementResumed(TRADE, "papers came")


def cancelled(left: str) -> TradeCancelled:
    return TradeCancelled(TRADE, DEAL, Decimal(left), "too slow")


def expired(left: str) -> TradeExpired:
    return TradeExpired(TRADE, DEAL, Decimal(left))


def settled(quantity: str, notional: str) -> TradeSettled:
    return TradeSettled(TRADE, DEAL, Decimal(quantity), Decimal(notional), date(2026, 2, 3))


def flagged(rule: ReviewRule, excess: str = "0") -> FillsFlagged:
    return FillsFlagged(TRADE, DEAL, rule, Decimal(excess))
