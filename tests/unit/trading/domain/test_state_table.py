"""The state table of a trade: the outcome of every command in every state."""

from __future__ import annotations

from decimal import Decimal
from itertools import product

import pytest
from msgspec.structs import replace

from eventshop.core.errors import EventShopError
from eventshop.core.message_registry import declared_messages
from eventshop.core.messages import Command, Event
from eventshop.testing.given_when_then import given
from tests.unit.trading.domain import examples
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
from trading.domain.errors import (
    InvalidTradeState,
    NotAmendable,
    NothingFilled,
    RequestPending,
    UnknownFill,
    WorseThanLimit,
    WrongLot,
    WrongTick,
)
from trading.domain.events import (
    AmendRejected,
    AmendRequested,
    CancelRejected,
    CancelRequested,
    FillsFlagged,
    OrderType,
    ReviewRule,
    SettlementHeld,
    SettlementResumed,
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
from trading.domain.trade import Status, Trade

HISTORIES: dict[Status, tuple[Event, ...]] = {
    Status.PENDING: (),
    Status.OPEN: (examples.submitted,),
    Status.PARTLY_FILLED: (examples.submitted, examples.four),
    Status.FILLED: (examples.submitted, examples.four, examples.six),
    Status.CANCELLED: (examples.submitted, examples.four, examples.cancelled("6")),
    Status.EXPIRED: (examples.submitted, examples.four, examples.expired("6")),
    Status.REJECTED: (examples.submitted, examples.rejected),
    Status.SETTLED: (examples.submitted, examples.four, examples.six, examples.settled("10", "1999.92")),
}
COMMANDS: dict[type[Command], Command] = {
    SubmitTrade: examples.submit,
    ExecuteTrade: examples.execute(examples.fill("v9", "1")),
    RejectTrade: examples.reject,
    CancelTrade: examples.cancel,
    AmendTrade: examples.amend,
    ExpireTrade: examples.expire,
    CorrectTrade: examples.correct(examples.fill("v1", "3")),
    BustTrade: examples.bust("v1"),
    ReviewTrade: examples.review,
    HoldSettlement: examples.hold,
    ResumeSettlement: examples.resume,
    SettleTrade: examples.settle,
    ReportCancelled: examples.report_cancelled,
    ReportCancelRejected: examples.report_cancel_rejected,
    ReportAmended: examples.report_amended,
    ReportAmendRejected: examples.report_amend_rejected,
}
Answer = type[EventShopError] | list[type[Event]]
no = InvalidTradeState


def event_types(*events: type[Event]) -> list[type[Event]]:
    return list(events)


CORRECTED, BUSTED = event_types(TradeCorrected), event_types(TradeBusted)
FILLED_AFTERWARDS = event_types(TradeExecuted, FillsFlagged)
NOTHING = event_types()
TABLE: dict[Status, list[Answer]] = {
    # submit the same again, execute, reject, cancel, amend, expire, correct, bust, review, hold, resume, settle
    Status.PENDING: [event_types(TradeSubmitted), no, no, no, no, no, no, no, no, no, no, no],
    Status.OPEN: [
        *(NOTHING, event_types(TradeExecuted), event_types(TradeRejected), event_types(TradeCancelled)),
        *(event_types(TradeAmended), event_types(TradeExpired)),
        *(UnknownFill, UnknownFill, NOTHING, event_types(SettlementHeld), NOTHING, no),
    ],
    Status.PARTLY_FILLED: [
        *(NOTHING, event_types(TradeExecuted), no, event_types(TradeCancelled)),
        *(event_types(TradeAmended), event_types(TradeExpired)),
        *(CORRECTED, BUSTED, NOTHING, event_types(SettlementHeld), NOTHING, no),
    ],
    Status.FILLED: [
        *(NOTHING, FILLED_AFTERWARDS, no, no, no, no),
        *(CORRECTED, BUSTED, NOTHING, event_types(SettlementHeld), NOTHING, event_types(TradeSettled)),
    ],
    Status.CANCELLED: [
        *(NOTHING, event_types(TradeExecuted), no, NOTHING, no, no),
        *(CORRECTED, BUSTED, NOTHING, event_types(SettlementHeld), NOTHING, event_types(TradeSettled)),
    ],
    Status.EXPIRED: [
        *(NOTHING, event_types(TradeExecuted), no, no, no, NOTHING),
        *(CORRECTED, BUSTED, NOTHING, event_types(SettlementHeld), NOTHING, event_types(TradeSettled)),
    ],
    Status.REJECTED: [
        *(NOTHING, FILLED_AFTERWARDS, NOTHING, no, no, no, UnknownFill, UnknownFill, NOTHING, no, no, no),
    ],
    Status.SETTLED: [
        *(NOTHING, event_types(TradeExecuted, FillsFlagged, FillsFlagged), no, no, no, no),
        *(event_types(TradeCorrected, FillsFlagged), event_types(TradeBusted, FillsFlagged)),
        *(NOTHING, no, no, NOTHING),
    ],
}
#: Cancelled, not cancelled, amended, not amended: by the word of a venue that nobody had asked.
REPORTS: dict[Status, list[Answer]] = {
    **{status: [NOTHING] * 4 for status in Status},
    Status.PENDING: [no] * 4,
    Status.OPEN: [event_types(TradeCancelled), NOTHING, event_types(TradeAmended), NOTHING],
    Status.PARTLY_FILLED: [event_types(TradeCancelled), NOTHING, event_types(TradeAmended), NOTHING],
}
PAIRS = {
    (status, command): answer
    for status, row in TABLE.items()
    for command, answer in zip(COMMANDS, [*row, *REPORTS[status]], strict=True)
}


def test_every_state_and_every_command_is_listed() -> None:
    commands, events = declared_messages(Trade)
    assert set(PAIRS) == set(product(Status, commands))
    reached = {event for answer in PAIRS.values() if isinstance(answer, list) for event in answer}
    at_a_venue = {CancelRequested, CancelRejected, AmendRequested, AmendRejected}
    assert reached | {SettlementResumed, TradeReviewed} | at_a_venue == set(events), "an event that no pair leads to"


@pytest.mark.parametrize("status", Status)
def test_each_history_leads_to_its_state(status: Status) -> None:
    trade = given(Trade, *HISTORIES[status]).state
    assert isinstance(trade, Trade)
    assert trade.status is status


@pytest.mark.parametrize(("status", "command"), PAIRS, ids=lambda part: getattr(part, "__name__", str(part)))
def test_a_command_in_a_state(status: Status, command: type[Command]) -> None:
    outcome = given(Trade, *HISTORIES[status]).when(COMMANDS[command])
    match PAIRS[status, command]:
        case list() as events:
            assert outcome.refusal is None, outcome.refusal
            assert [type(event) for event in outcome.events] == events
        case error:
            words = (command.__name__, status) if error is InvalidTradeState else ()
            outcome.then_refused(error, *words)


def test_a_held_settlement_can_be_resumed() -> None:
    given(Trade, examples.submitted, examples.four, examples.held).when(examples.resume).then(examples.resumed)


def test_nothing_filled_is_never_settled() -> None:
    given(Trade, examples.submitted, examples.cancelled("10")).when(examples.settle).then_refused(NothingFilled)


def test_an_amendment_follows_the_rules_of_the_instrument_and_of_what_is_filled() -> None:
    partly = given(Trade, examples.submitted, examples.four)
    for change in ({"quantity": Decimal(4)}, {"quantity": Decimal(3)}):
        partly.when(AmendTrade(examples.TRADE, "less", **change)).then_refused(NotAmendable)
    partly.when(AmendTrade(examples.TRADE, "less", Decimal("8.5"))).then_refused(WrongLot)
    partly.when(AmendTrade(examples.TRADE, "less", None, Decimal("199.99"))).then_refused(WrongTick)
    partly.when(AmendTrade(examples.TRADE, "the same", Decimal(10), Decimal(200))).then_nothing()
    market = replace(examples.submitted, type=OrderType.MARKET, limit_price=None)
    given(Trade, market).when(AmendTrade(examples.TRADE, "why", None, Decimal(200))).then_refused(NotAmendable)


def test_after_an_amendment_the_new_quantity_counts_and_a_fill_of_before_is_booked() -> None:
    amended = given(Trade, examples.submitted, examples.amended)
    amended.when(examples.execute(examples.fill("v1", "8", "199.98"))).then(
        examples.executed(examples.fill("v1", "8", "199.98"), left="0")
    )
    amended.when(examples.execute(examples.fill("v1", "9", "200.00"))).then(
        examples.executed(examples.fill("v1", "9", "200.00"), left="0"),
        examples.flagged(ReviewRule.BEYOND_QUANTITY, "1"),
    )
    amended.when(examples.execute(examples.fill("v1", "1", "200.02"))).then_refused(WorseThanLimit)
    amended.when(examples.submit).then_nothing()


ROUTED = replace(examples.submitted, routed=True)


def test_of_an_order_at_a_venue_a_cancellation_is_a_request_that_the_venue_answers() -> None:
    given(Trade, ROUTED).when(examples.cancel).then(examples.cancel_requested)
    asked = given(Trade, ROUTED, examples.cancel_requested)
    asked.when(examples.cancel).then_nothing()
    asked.when(examples.execute(examples.FOUR)).then(examples.four)
    asked.when(examples.report_cancelled).then(examples.cancelled("10"))
    asked.when(examples.report_cancel_rejected).then(examples.cancel_rejected)
    given(Trade, ROUTED, examples.cancel_requested, examples.cancel_rejected).when(examples.cancel).then(
        examples.cancel_requested
    )


def test_a_request_that_was_overtaken_by_the_last_fill_is_answered_all_the_same() -> None:
    filled = given(Trade, ROUTED, examples.cancel_requested, examples.four, examples.six)
    filled.when(examples.report_cancel_rejected).then(examples.cancel_rejected)
    filled.when(examples.report_cancelled).then_nothing()


def test_of_an_order_at_a_venue_an_amendment_is_a_request_that_the_venue_answers() -> None:
    given(Trade, ROUTED).when(examples.amend).then(examples.amend_requested)
    asked = given(Trade, ROUTED, examples.amend_requested)
    asked.when(examples.amend).then_nothing()
    asked.when(AmendTrade(examples.TRADE, "more", Decimal(20))).then_refused(RequestPending)
    asked.when(examples.report_amended).then(examples.amended)
    asked.when(examples.report_amend_rejected).then(examples.amend_rejected)
    answered = given(Trade, ROUTED, examples.amend_requested, examples.amend_rejected)
    answered.when(examples.report_amend_rejected).then_nothing()


def test_an_order_that_the_venue_amended_to_what_is_filled_is_filled() -> None:
    trade = given(Trade, ROUTED, examples.four).when(replace(examples.report_amended, quantity=Decimal(4)))
    [amended] = trade.events
    state = given(Trade, ROUTED, examples.four, amended).state
    assert isinstance(state, Trade)
    assert (state.status, state.open) == (Status.FILLED, Decimal(0))
