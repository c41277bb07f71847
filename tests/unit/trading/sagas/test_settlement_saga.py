"""The settlement saga, and the business days that it depends on."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from eventshop.core.saga import CancelTimer, CompensationRequested, RefusedCommand, SagaMessage, StartTimer, TimerFired
from eventshop.testing.given_when_then import given_saga
from tests.unit.trading.domain import examples
from tests.unit.trading.domain.examples import ACCOUNT, FOUR, NOON, SIX, TRADE, fill, four, settle, six, submitted
from trading.domain.business_days import settlement_time
from trading.domain.commands import CancelTrade, ExpireTrade, FreezeAmount, HoldSettlement, ReleaseAmount
from trading.domain.errors import UnknownCalendar
from trading.domain.events import Fill, FreezeRefused, OrderType, TimeInForce
from trading.sagas.settlement_saga import AT_ONCE, RETRY_AFTER, SettlementSaga
from trading.sagas.venue_effects import AmendOrder, CancelOrder, PlaceOrder

#: NOON is a Friday; SAP settles on the second business day after it, at four in Frankfurt.
TUESDAY = datetime.fromisoformat("2026-02-03T16:00:00+01:00")
release = ReleaseAmount(ACCOUNT, TRADE)
due = StartTimer("settlement", due=TUESDAY)
its_day = TimerFired("settlement")
STOP = CancelTimer("settlement")
settled = examples.settled("10", "1999.92")
market = replace(submitted, type=OrderType.MARKET, limit_price=None)
void = examples.busted(SIX, corrects=3, left="6")


def test_a_filled_trade_releases_its_limit_and_waits_for_its_day() -> None:
    given_saga(SettlementSaga, submitted).when(four).then_nothing()
    given_saga(SettlementSaga, submitted, four).when(six).then(release, due)


def test_it_settles_on_its_day() -> None:
    given_saga(SettlementSaga, submitted, four, six).when(its_day).then(settle)
    given_saga(SettlementSaga, submitted, four, six, its_day, settled).has_ended()


def test_what_was_filled_before_a_cancellation_settles() -> None:
    given_saga(SettlementSaga, submitted, four).when(examples.cancelled("6")).then(release, due)
    given_saga(SettlementSaga, submitted).when(examples.cancelled("10")).then(release).and_ended()


def test_a_rejected_trade_releases_its_limit_and_is_over() -> None:
    given_saga(SettlementSaga, submitted).when(examples.rejected).then(release).and_ended()


def test_a_trade_that_is_opened_again_does_not_settle_until_it_is_filled() -> None:
    given_saga(SettlementSaga, submitted, four, six, void).when(its_day).then_nothing()
    given_saga(SettlementSaga, submitted, four, six, void).when(examples.executed(fill("v3", "6"), left="0")).then(
        release, due
    )


def test_a_cancelled_trade_whose_only_fill_is_void_does_not_settle() -> None:
    cancelled = (submitted, four, examples.cancelled("6"))
    given_saga(SettlementSaga, *cancelled).when(examples.busted(FOUR, corrects=2, left="0")).then(STOP).and_ended()


def on_day(number: str, quantity: str | int, day: int) -> Fill:
    """A fill at noon of a day of March 2026."""
    return replace(fill(number, str(quantity)), at=datetime(2026, 3, day, 12, tzinfo=UTC))


def due_on(day: int) -> StartTimer:
    return StartTimer("settlement", due=datetime(2026, 3, day, 16, tzinfo=ZoneInfo("Europe/Berlin")))


MONDAY, ON_TUESDAY = on_day("v1", "5", 2), on_day("v2", "5", 3)
TWO_DAYS = (submitted, examples.executed(MONDAY, left="5"), examples.executed(ON_TUESDAY, left="0"))


def test_a_void_fill_leaves_no_trace_in_the_settlement_day() -> None:
    given_saga(SettlementSaga, *TWO_DAYS[:2]).when(TWO_DAYS[2]).then(release, due_on(5))
    void = examples.busted(ON_TUESDAY, corrects=3, left="5")
    cancelled = examples.cancelled("5")
    given_saga(SettlementSaga, *TWO_DAYS, void).when(cancelled).then(release, due_on(4))


def test_a_corrected_day_leaves_no_trace_in_the_settlement_day() -> None:
    on_monday = replace(ON_TUESDAY, at=MONDAY.at)
    right = examples.corrected(ON_TUESDAY, on_monday, corrects=3, left="0")
    given_saga(SettlementSaga, *TWO_DAYS).when(right).then(due_on(4))
    back = examples.corrected(on_monday, ON_TUESDAY, corrects=4, left="0")
    given_saga(SettlementSaga, *TWO_DAYS, right).when(back).then(due_on(5))


@pytest.mark.parametrize("closed", [examples.cancelled("10"), examples.rejected])
def test_a_fill_that_our_cancellation_or_rejection_came_too_late_for_settles(closed: SagaMessage) -> None:
    late = examples.executed(MONDAY, left="0")
    given_saga(SettlementSaga, submitted, closed).when(late).then(due_on(4))
    settled_on_its_day = replace(settle, settled_on=date(2026, 3, 4))
    given_saga(SettlementSaga, submitted, closed, late).when(its_day).then(settled_on_its_day)


def test_what_had_settled_settles_again_after_a_change() -> None:
    done = (*TWO_DAYS, its_day, replace(settled, settled_on=date(2026, 3, 5)))
    void = examples.busted(ON_TUESDAY, corrects=3, left="0")
    given_saga(SettlementSaga, *done).when(void).then(due_on(4))
    all_void = (*done, void, examples.busted(MONDAY, corrects=2, left="0"))
    given_saga(SettlementSaga, *all_void).when(its_day).then(replace(settle, settled_on=date(2026, 3, 5)))


def test_staff_can_settle_early() -> None:
    given_saga(SettlementSaga, submitted, four, six).when(settled).then(STOP).and_ended()


def test_a_held_settlement_waits_for_its_release_even_when_its_day_has_come() -> None:
    held = (submitted, four, six, examples.held)
    given_saga(SettlementSaga, *held).when(its_day).then_nothing()
    given_saga(SettlementSaga, *held, its_day).when(examples.resumed).then(settle)
    given_saga(SettlementSaga, *held).when(examples.resumed).then_nothing()
    given_saga(SettlementSaga, *held, examples.resumed).when(its_day).then(settle)


def test_a_hold_that_comes_just_before_the_settlement_is_respected() -> None:
    on_hold = RefusedCommand(settle, "settlement-on-hold", "on hold")
    history: tuple[SagaMessage, ...] = (submitted, four, six, its_day, on_hold)
    given_saga(SettlementSaga, submitted, four, six, its_day).when(on_hold).then_nothing()
    given_saga(SettlementSaga, *history, examples.held).when(examples.resumed).then(settle)


def test_a_settlement_that_was_refused_is_tried_again() -> None:
    refused = RefusedCommand(settle, "conflict", "busy")
    again = StartTimer("settlement", after=RETRY_AFTER)
    given_saga(SettlementSaga, submitted, four, six, its_day).when(refused).then(again)
    given_saga(SettlementSaga, submitted, four, six, its_day, refused).when(its_day).then(settle)


def test_an_account_with_nothing_frozen_does_not_hold_a_settlement_up() -> None:
    refused = RefusedCommand(release, "account-not-open", "no account")
    given_saga(SettlementSaga, submitted, four, six).when(refused).then_nothing()
    given_saga(SettlementSaga, submitted, four, six, refused).goes_on()


def test_a_person_who_wants_it_undone_holds_it() -> None:
    compensation = CompensationRequested("wrong client")
    given_saga(SettlementSaga, submitted, four, six).when(compensation).then(HoldSettlement(TRADE, "wrong client"))


@pytest.mark.parametrize(
    ("calendar", "executed", "days", "settles"),
    [
        ("EVERY_DAY", "2026-01-30T12:00:00+00:00", 0, "2026-01-30T12:00:00+00:00"),
        ("EVERY_DAY", "2026-01-30T12:00:00+00:00", 1, "2026-01-31T16:00:00+00:00"),
        ("TARGET", "2026-01-30T12:00:00+00:00", 2, "2026-02-03T16:00:00+01:00"),
        ("TARGET", "2026-04-02T12:00:00+00:00", 1, "2026-04-07T16:00:00+02:00"),  # Good Friday, Easter Monday
        ("TARGET", "2026-01-30T23:30:00+00:00", 1, "2026-02-02T16:00:00+01:00"),  # already Saturday in Frankfurt
        ("NYSE", "2026-07-02T15:00:00+00:00", 1, "2026-07-06T16:00:00-04:00"),  # Independence Day, observed on Friday
        # Columbus Day: the exchange is open, the banks are closed
        ("US_SETTLEMENT", "2026-10-09T15:00:00+00:00", 1, "2026-10-13T16:00:00-04:00"),
        ("NYSE", "2026-10-09T15:00:00+00:00", 1, "2026-10-13T16:00:00-04:00"),  # as earlier trades were stored
        ("US_SETTLEMENT", "2026-04-02T15:00:00+00:00", 1, "2026-04-06T16:00:00-04:00"),  # Good Friday: no exchange
    ],
)
def test_business_days(calendar: str, executed: str, days: int, settles: str) -> None:
    moment = settlement_time(calendar, datetime.fromisoformat(executed), days)
    assert moment == datetime.fromisoformat(settles)


def test_a_calendar_nobody_knows_is_told_with_those_that_are() -> None:
    with pytest.raises(UnknownCalendar, match=r"MOON.*TARGET"):
        settlement_time("MOON", NOON, 1)


def test_the_value_date_is_the_day_it_was_due() -> None:
    late = replace(settle, settled_on=date(2026, 2, 3))
    history: tuple[SagaMessage, ...] = (submitted, four, six, examples.held, its_day)
    given_saga(SettlementSaga, *history).when(examples.resumed).then(late)


def test_a_trade_that_is_opened_again_freezes_what_is_open_of_it_again() -> None:
    again = FreezeAmount(ACCOUNT, TRADE, "XETRA/SAP", "EUR", Decimal("1200.00"))
    given_saga(SettlementSaga, submitted, four, six).when(void).then(STOP, again)
    given_saga(SettlementSaga, market, four, six).when(void).then(STOP, again)  # at the price of the void fill
    given_saga(SettlementSaga, submitted, four).when(examples.busted(FOUR, corrects=2, left="10")).then_nothing()


def test_a_trade_that_is_opened_again_over_its_limit_is_cancelled() -> None:
    refused = FreezeRefused(ACCOUNT, TRADE, "XETRA/SAP", Decimal(1200), "gross", Decimal(3))
    cancel = CancelTrade(TRADE, "reopened, but the limit gross is too small")
    given_saga(SettlementSaga, submitted, four, six, void).when(refused).then(cancel)
    given_saga(SettlementSaga, submitted).when(refused).then_nothing()  # an earlier try of the client's


FILLS_OF_DAYS = st.lists(st.tuples(st.integers(2, 6), st.integers(1, 9)), min_size=1, max_size=5)


@settings(max_examples=40)
@given(FILLS_OF_DAYS, FILLS_OF_DAYS, st.lists(st.integers(2, 6), max_size=3))
def test_errors_put_right_leave_no_trace_in_the_settlement(
    right: list[tuple[int, int]], wrong: list[tuple[int, int]], void: list[int]
) -> None:
    """Fills that were reported wrongly and corrected, and fills that are void: the saga is as if none had been."""
    history: list[SagaMessage] = [submitted]
    for place, (day, quantity) in enumerate(right):
        wrong_day, wrong_quantity = wrong[place % len(wrong)]
        as_told = on_day(f"v{place}", wrong_quantity, wrong_day)
        as_it_is = on_day(f"v{place}", quantity, day)
        history += [examples.executed(as_told, left="0")]
        history += [examples.corrected(as_told, as_it_is, corrects=2, left="0")] if as_told != as_it_is else []
    for place, day in enumerate(void):
        bogus = on_day(f"x{place}", 1, day)
        history += [examples.executed(bogus, left="0"), examples.busted(bogus, corrects=2, left="0")]
    clean = [examples.executed(on_day(f"v{place}", size, day), left="0") for place, (day, size) in enumerate(right)]
    erred, never = (SettlementSaga(), SettlementSaga())
    for message in history:
        erred = erred.evolve(message)  # type: ignore[arg-type]
    for event in (submitted, *clean):
        never = never.evolve(event)  # type: ignore[arg-type]
    assert erred == never
    assert erred.settles_at == never.settles_at


END_OF_DAY = datetime(2026, 1, 30, 16, 30, tzinfo=UTC)
for_the_day = replace(submitted, time_in_force=TimeInForce.DAY, good_until=END_OF_DAY)
at_once = replace(submitted, time_in_force=TimeInForce.IOC)
time_is_over = TimerFired("expiry")


def test_an_order_for_the_day_expires_at_the_end_of_the_venues_day() -> None:
    given_saga(SettlementSaga).when(for_the_day).then(StartTimer("expiry", due=END_OF_DAY))
    given_saga(SettlementSaga, for_the_day, four).when(time_is_over).then(ExpireTrade(TRADE))
    given_saga(SettlementSaga, for_the_day, four).when(examples.expired("6")).then(release, due)
    given_saga(SettlementSaga, for_the_day).when(examples.expired("10")).then(release).and_ended()
    reopened = given_saga(SettlementSaga, for_the_day, four, six).when(void)
    assert StartTimer("expiry", due=END_OF_DAY) in reopened.actions
    for done in ((four, six), (examples.cancelled("10"),)):
        given_saga(SettlementSaga, for_the_day, *done).when(time_is_over).then_nothing()


def test_what_an_order_does_not_get_at_once_expires() -> None:
    given_saga(SettlementSaga).when(at_once).then(StartTimer("expiry", after=AT_ONCE))
    given_saga(SettlementSaga, at_once).when(four).then(ExpireTrade(TRADE))
    given_saga(SettlementSaga, at_once).when(time_is_over).then(ExpireTrade(TRADE))


def test_a_trade_that_is_opened_again_freezes_at_its_amended_price() -> None:
    cheaper = replace(examples.amended, quantity=Decimal(10), limit_price=Decimal("199.00"))
    again = FreezeAmount(ACCOUNT, TRADE, "XETRA/SAP", "EUR", Decimal("1194.00"))
    given_saga(SettlementSaga, submitted, cheaper, four, six).when(void).then(STOP, again)


def test_an_order_for_a_venue_is_sent_there_and_the_venue_says_when_it_expires() -> None:
    at_once = replace(submitted, routed=True, time_in_force=TimeInForce.IOC)
    sent = PlaceOrder(
        TRADE, "XETRA/SAP", at_once.side, OrderType.LIMIT, Decimal(10), Decimal("200.00"), TimeInForce.IOC, None
    )
    given_saga(SettlementSaga).when(at_once).then(sent)
    given_saga(SettlementSaga, at_once).when(four).then_nothing()


def test_requests_of_an_order_at_a_venue_are_sent_there() -> None:
    routed = given_saga(SettlementSaga, replace(submitted, routed=True))
    routed.when(examples.cancel_requested).then(CancelOrder(TRADE))
    routed.when(examples.amend_requested).then(AmendOrder(TRADE, Decimal(8), Decimal("199.00")))


def test_an_order_that_the_venue_amended_to_what_is_filled_settles() -> None:
    less = replace(examples.amended, quantity=Decimal(4), open=Decimal(0))
    given_saga(SettlementSaga, replace(submitted, routed=True), four).when(less).then(release, due)
