"""The Trade aggregate: fills, corrections, busts and settlement."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import cast

import pytest
from msgspec.structs import replace

from eventshop.testing.given_when_then import given
from tests.unit.trading.domain import examples
from tests.unit.trading.domain.examples import FOUR, SIX, bust, correct, execute, executed, fill, four, six, submitted
from trading.domain.errors import (
    FillBusted,
    FillChanged,
    SettlementOnHold,
    UnknownFill,
    WorseThanLimit,
    WrongLot,
    WrongTick,
)
from trading.domain.events import Fill, ReviewRule, Side, TradeEvent
from trading.domain.trade import Status, Trade


def test_a_trade_is_filled_bit_by_bit() -> None:
    given(Trade, submitted).when(execute(FOUR)).then(four)
    given(Trade, submitted, four).when(execute(SIX)).then(six)


def test_a_sweep_through_the_book_is_one_execution() -> None:
    given(Trade, submitted).when(execute(FOUR, SIX)).then(executed(FOUR, SIX, left="0"))


def test_the_same_fill_twice_is_one_fill() -> None:
    given(Trade, submitted, four).when(execute(FOUR)).then_nothing()
    given(Trade, submitted, four).when(execute(FOUR, SIX)).then(six)
    given(Trade, submitted, four, six, examples.settled("10", "1999.92")).when(execute(FOUR)).then_nothing()


@pytest.mark.parametrize(
    "other", [fill("v1", "4"), fill("v1", "3", "199.98"), replace(FOUR, at=examples.NOON + timedelta(seconds=1))]
)
def test_a_fill_told_again_differently_is_refused(other: Fill) -> None:
    given(Trade, submitted, four).when(execute(other)).then_refused(FillChanged, "v1")


def test_what_is_filled_beyond_the_quantity_is_booked_and_flagged() -> None:
    seven = fill("v2", "7")
    beyond = examples.flagged(ReviewRule.BEYOND_QUANTITY, "1")
    given(Trade, submitted, four).when(execute(seven)).then(executed(seven, left="0"), beyond)
    overfilled = (submitted, four, executed(seven, left="0"), beyond)
    trade = cast(Trade, given(Trade, *overfilled).state)
    assert (trade.status, trade.executed, trade.open, trade.flagged) == (Status.FILLED, Decimal(11), Decimal(0), True)
    given(Trade, *overfilled).when(examples.review).then(examples.reviewed)
    given(Trade, *overfilled, examples.reviewed).when(examples.review).then_nothing()
    given(Trade, submitted, four, six).when(correct(fill("v1", "5"))).then(
        examples.corrected(FOUR, fill("v1", "5"), corrects=2, left="0"), beyond
    )


LATE = fill("v9", "1")


@pytest.mark.parametrize(
    ("closed", "flags", "status"),
    [
        ((four, examples.cancelled("6")), (), Status.CANCELLED),
        ((examples.cancelled("10"),), (), Status.CANCELLED),
        ((examples.rejected,), (examples.flagged(ReviewRule.AFTER_REJECTION),), Status.CANCELLED),
        ((four, six), (examples.flagged(ReviewRule.BEYOND_QUANTITY, "1"),), Status.FILLED),
        (
            (four, examples.cancelled("6"), examples.settled("4", "799.92")),
            (examples.flagged(ReviewRule.AFTER_SETTLEMENT),),
            Status.CANCELLED,
        ),
    ],
)
def test_a_fill_of_a_closed_trade_is_booked(
    closed: tuple[TradeEvent, ...], flags: tuple[TradeEvent, ...], status: Status
) -> None:
    given(Trade, submitted, *closed).when(execute(LATE)).then(executed(LATE, left="0"), *flags)
    before = cast(Trade, given(Trade, submitted, *closed).state)
    after = cast(Trade, given(Trade, submitted, *closed, executed(LATE, left="0"), *flags).state)
    assert (after.status, after.executed) == (status, before.executed + 1)
    void = cast(
        Trade,
        given(
            Trade,
            submitted,
            *closed,
            executed(LATE, left="0"),
            examples.busted(LATE, corrects=before.version + 1, left="0"),
        ).state,
    )
    if not before.has_settled:
        assert void.status is before.status


def test_what_had_settled_settles_again_after_a_change() -> None:
    done = (submitted, four, six, examples.settled("10", "1999.92"))
    void = examples.busted(FOUR, corrects=2, left="0")
    given(Trade, *done).when(bust("v1")).then(void, examples.flagged(ReviewRule.AFTER_SETTLEMENT))
    given(Trade, *done).when(examples.settle).then_nothing()
    given(Trade, *done, void).when(examples.settle).then(examples.settled("6", "1200.00"))
    all_void = (*done, void, examples.busted(SIX, corrects=3, left="0"))
    given(Trade, *all_void).when(examples.settle).then(examples.settled("0", "0"))


def test_no_fill_is_worse_than_the_limit() -> None:
    dear = execute(fill("v1", "1", "200.02"))
    given(Trade, submitted).when(dear).then_refused(WorseThanLimit, "BUY", "200.02")
    selling = replace(submitted, side=Side.SELL)
    given(Trade, selling).when(execute(fill("v1", "1", "199.98"))).then_refused(WorseThanLimit, "SELL", "199.98")
    assert given(Trade, selling).when(dear).refusal is None


def test_fills_are_in_ticks_and_lots() -> None:
    given(Trade, submitted).when(execute(fill("v1", "1", "199.99"))).then_refused(WrongTick, "199.99", "0.02")
    given(Trade, submitted).when(execute(fill("v1", "0.5"))).then_refused(WrongLot, "0.5")


def test_the_average_price_is_exact() -> None:
    trade = cast(Trade, given(Trade, submitted, executed(fill("a", "1", "199.98"), fill("b", "2"), left="7")).state)
    assert trade.notional == Decimal("599.98")
    assert trade.average_price == Decimal("199.9933333333")
    assert cast(Trade, given(Trade, submitted).state).average_price is None


def test_a_correction_names_the_event_that_it_corrects() -> None:
    right = fill("v1", "3", "199.96")
    first = examples.corrected(FOUR, right, corrects=2, left="1")
    given(Trade, submitted, four, six).when(correct(right)).then(first)
    again = fill("v1", "4", "199.94")
    given(Trade, submitted, four, six, first).when(correct(again)).then(
        examples.corrected(right, again, corrects=4, left="0")
    )


def test_a_correction_that_changes_nothing_is_none() -> None:
    given(Trade, submitted, four).when(correct(FOUR)).then_nothing()


def test_a_report_that_comes_again_does_not_undo_its_correction() -> None:
    right = fill("v1", "3", "199.96")
    corrected = examples.corrected(FOUR, right, corrects=2, left="7")
    for report in (FOUR, right):
        given(Trade, submitted, four, corrected).when(execute(report)).then_nothing()


def test_a_correction_obeys_the_rules_of_a_fill() -> None:
    history = given(Trade, submitted, four, six)
    history.when(correct(fill("v1", "4", "200.02"))).then_refused(WorseThanLimit)
    history.when(correct(fill("v1", "4", "199.99"))).then_refused(WrongTick)
    history.when(correct(fill("v3", "4"))).then_refused(UnknownFill, "v3")


def test_a_void_fill_opens_a_filled_trade_again() -> None:
    void = examples.busted(SIX, corrects=3, left="6")
    given(Trade, submitted, four, six).when(bust("v2")).then(void)
    trade = cast(Trade, given(Trade, submitted, four, six, void).state)
    assert (trade.status, trade.executed, trade.open) == (Status.PARTLY_FILLED, Decimal(4), Decimal(6))


def test_a_void_fill_stays_void() -> None:
    void = given(Trade, submitted, four, examples.busted(FOUR, corrects=2, left="10"))
    void.when(bust("v1")).then_nothing()
    void.when(execute(FOUR)).then_nothing()
    void.when(correct(fill("v1", "1"))).then_refused(FillBusted, "v1")


def test_only_what_was_filled_settles() -> None:
    given(Trade, submitted, four, examples.cancelled("6")).when(examples.settle).then(examples.settled("4", "799.92"))


def test_staff_can_hold_a_settlement_back() -> None:
    done = (submitted, four, six)
    given(Trade, *done).when(examples.hold).then(examples.held)
    given(Trade, *done, examples.held).when(examples.hold).then_nothing()
    given(Trade, *done, examples.held).when(examples.settle).then_refused(SettlementOnHold, "T-1")
    given(Trade, *done, examples.held, examples.resumed).when(examples.settle).then(examples.settled("10", "1999.92"))
