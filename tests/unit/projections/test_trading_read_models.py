"""Trades, positions and market minutes: the same rows for any order and batches, and after corrections."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from itertools import permutations
from random import Random
from typing import Any, get_args
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from eventshop.core.errors import EventShopError
from eventshop.projections.fold import fold
from eventshop.projections.projection import Projection
from eventshop.testing.given_when_then import DatedEvent, given_events, record_events
from projections.market_minute import market_minute
from projections.position import position
from projections.statement import Statement, compose_statement, standing_fills
from projections.trade_blotter import trade_blotter
from tests.unit.projections.test_fold_properties import POSITION_COLUMNS, column_values, fold_in_batches, interleave
from tests.unit.trading.domain import examples
from tests.unit.trading.domain.examples import ACCOUNT, FOUR, NOON, SAP, SIX, TRADE, executed, fill
from trading.domain.commands import BustTrade, CancelTrade, CorrectTrade, ExecuteTrade, SubmitTrade
from trading.domain.cost_basis import CostMethod
from trading.domain.events import (
    Contract,
    Fee,
    FeeTerms,
    Fill,
    OrderType,
    Side,
    TradeBusted,
    TradeCancelled,
    TradeCorrected,
    TradeEvent,
    TradeExecuted,
    notional,
    volume,
)
from trading.domain.fees import fees_of
from trading.domain.trade import Trade
from trading.sagas.settlement_saga import SettlementInput, SettlementSaga

POSITION_KEY = (ACCOUNT, SAP.code)
MINUTE_KEY = (SAP.code, NOON)

every_projection = pytest.mark.parametrize(
    "projection", [trade_blotter, position, market_minute], ids=lambda projection: projection.name
)


def as_sale(event: TradeExecuted) -> TradeExecuted:
    return replace(event, trade_id=UUID(int=9), deal=replace(event.deal, side=Side.SELL))


def test_the_blotter_shows_how_far_a_trade_is() -> None:
    row = given_events(examples.submitted, examples.four).project(trade_blotter).row(TRADE)
    row.has(status="PARTLY_FILLED", executed=Decimal(4), fills=1, average_price=Decimal("199.98"), side="BUY")
    done = given_events(examples.submitted, examples.four, examples.six).project(trade_blotter).row(TRADE)
    done.has(status="FILLED", executed=Decimal(10), notional=Decimal("1999.92"), average_price=Decimal("199.992"))
    given_events(examples.submitted, examples.four, examples.cancelled("6")).project(trade_blotter).row(TRADE).has(
        status="CANCELLED", reason="too slow", executed=Decimal(4)
    )


def test_the_blotter_shows_what_was_amended_and_has_expired() -> None:
    history = (examples.submitted, examples.amended, examples.four, examples.expired("4"))
    given_events(*history).project(trade_blotter).row(TRADE).has(
        status="EXPIRED", quantity=Decimal(8), limit_price=Decimal("199.00"), reason="the market moved"
    )


def test_the_blotter_shows_what_was_put_right() -> None:
    void = examples.busted(FOUR, corrects=2, left="10")
    given_events(examples.submitted, examples.four, void).project(trade_blotter).row(TRADE).has(
        status="OPEN", executed=Decimal(0), fills=0, corrections=1, average_price=None
    )


def test_a_position_is_bought_less_sold_and_earns_the_difference() -> None:
    sale = as_sale(executed(fill("s1", "3", "210.00"), left="0"))
    row = given_events(examples.four, examples.six, sale).project(position).row(POSITION_KEY)
    row.has(quantity=Decimal(7), average_cost=Decimal("199.992"), realised=Decimal("30.024"), currency="EUR")


def dealt(side: Side, price: str, *, minute: int, quantity: str = "10") -> TradeExecuted:
    """A trade of its own that is filled at once in a minute after noon."""
    filled = replace(fill(f"v{minute}", quantity, price), at=NOON + timedelta(minutes=minute))
    event = executed(filled, left="0")
    return replace(event, trade_id=UUID(int=minute), deal=replace(event.deal, side=side))


BOUGHT_AGAIN = (
    dealt(Side.BUY, "100", minute=1),
    dealt(Side.SELL, "110", minute=2),
    dealt(Side.BUY, "200", minute=3),
)


@pytest.mark.parametrize("order", list(permutations(range(3))), ids=str)
def test_an_opening_trade_earns_nothing_in_any_order_of_arrival(order: tuple[int, ...]) -> None:
    row = given_events(*(BOUGHT_AGAIN[place] for place in order)).project(position).row(POSITION_KEY)
    row.has(quantity=Decimal(10), realised=Decimal(100), average_cost=Decimal(200), open_cost=Decimal(2000))
    row.has(fifo_realised=Decimal(100), fifo_average_cost=Decimal(200))


def test_a_position_has_its_result_by_both_methods() -> None:
    bought = dealt(Side.BUY, "100", minute=1), dealt(Side.BUY, "200", minute=2)
    row = given_events(*bought, dealt(Side.SELL, "250", minute=3)).project(position).row(POSITION_KEY)
    row.has(average_cost=Decimal(150), realised=Decimal(1000), fifo_average_cost=Decimal(200))
    row.has(fifo_realised=Decimal(1500), fifo_open_cost=Decimal(2000))


def test_an_inverse_contract_costs_and_earns_coin() -> None:
    perpetual = Contract(Decimal(100), True, "BTC")
    buys = [dealt(Side.BUY, price, minute=place, quantity="1") for place, price in enumerate(("50000", "25000"), 1)]
    buys = [replace(event, deal=replace(event.deal, contract=perpetual)) for event in buys]
    row = given_events(*buys).project(position).row(POSITION_KEY)
    row.has(currency="BTC", price_currency="EUR", quantity=Decimal(2), realised=Decimal(0))
    row.has(open_cost=Decimal("-0.006"), average_cost=Decimal("33333.3333333333"))  # harmonic: 200 USD for 0.006 BTC


def test_a_short_position_costs_what_it_was_sold_for() -> None:
    row = given_events(as_sale(examples.four)).project(position).row(POSITION_KEY)
    row.has(quantity=Decimal(-4), average_cost=Decimal("199.98"), realised=Decimal(0))


def test_a_minute_knows_its_volume_price_low_and_high() -> None:
    later = executed(replace(SIX, at=NOON + timedelta(minutes=1)), left="0")
    rows = given_events(examples.four, executed(fill("v3", "6"), left="0"), later).project(market_minute).rows(2)
    rows.row(MINUTE_KEY).has(
        trades=2,
        volume=Decimal(10),
        notional=Decimal("1999.92"),
        vwap=Decimal("199.992"),
        low=Decimal("199.98"),
        high=Decimal(200),
    )


def both_sides(quantity: str, other_quantity: str) -> tuple[TradeExecuted, TradeExecuted]:
    """The same trade of the venue, bought and sold by us."""
    return executed(fill("v1", quantity), left="0"), as_sale(executed(fill("v1", other_quantity), left="0"))


@pytest.mark.parametrize(("bought", "sold", "larger"), [("4", "4", 4), ("4", "6", 6), ("6", "4", 6)])
def test_a_trade_counts_once_when_both_sides_are_ours(bought: str, sold: str, larger: int) -> None:
    for history in permutations((*both_sides(bought, sold), executed(fill("v2", "1", "199.98"), left="0"))):
        given_events(*history).project(market_minute).row(MINUTE_KEY).has(
            trades=2, volume=Decimal(larger + 1), notional=200 * larger + Decimal("199.98"), low=Decimal("199.98")
        )


def test_of_two_sides_one_that_is_void_leaves_the_other() -> None:
    buy, sell = both_sides("4", "6")
    void = replace(examples.busted(sell.fills[0], corrects=1, left="6"), trade_id=sell.trade_id, deal=sell.deal)
    given_events(buy, sell, void).project(market_minute).row(MINUTE_KEY).has(trades=1, volume=Decimal(4))
    other = replace(examples.busted(buy.fills[0], corrects=1, left="4"), trade_id=buy.trade_id, deal=buy.deal)
    given_events(buy, sell, void, other).project(market_minute).row(MINUTE_KEY).has(trades=0, low=None)


def test_a_void_fill_leaves_low_and_high() -> None:
    void = examples.busted(FOUR, corrects=2, left="10")
    given_events(examples.four, examples.six, void).project(market_minute).row(MINUTE_KEY).has(
        trades=1, volume=Decimal(6), low=Decimal(200), high=Decimal(200)
    )


def test_a_correction_of_the_time_moves_a_fill_to_its_minute() -> None:
    moved = replace(FOUR, at=NOON + timedelta(minutes=3))
    rows = given_events(examples.four, examples.corrected(FOUR, moved, corrects=2, left="6")).project(market_minute)
    rows.row(MINUTE_KEY).has(trades=0, volume=Decimal(0), low=None, high=None, vwap=None)
    rows.row((SAP.code, NOON + timedelta(minutes=3))).has(trades=1, volume=Decimal(4))


# --- random trades ---------------------------------------------------------------------------------------------------


def random_trade(chance: Random, number: int) -> list[DatedEvent]:
    """The history of one random trade: fills over two minutes, some corrected or busted, sometimes cancelled."""
    trade_id = UUID(int=number)
    side = chance.choice(list(Side))
    terms = chance.choice([None, FeeTerms(Decimal("0.001"), minimum=Decimal("0.30"))])
    ordered = Decimal(chance.randint(5, 30))
    commands: list[Any] = [
        SubmitTrade(trade_id, f"T-{number}", ACCOUNT, SAP, side, OrderType.MARKET, ordered, fee_terms=terms)
    ]
    for step in range(8):
        some = Fill(
            f"{(number + 1) // 2}-{chance.randint(1, 5)}",  # two trades share numbers: both sides may be ours
            Decimal("0.02") * chance.randint(9_990, 10_010),
            Decimal(chance.randint(1, 6)),
            NOON + timedelta(days=chance.randint(0, 1), seconds=chance.randint(0, 119)),
            chance.choice([None, Fee(Decimal("0.05") * chance.randint(-3, 9), "EUR")]),
        )
        kind = chance.choice([ExecuteTrade] * 4 + [CorrectTrade, BustTrade])
        if kind is ExecuteTrade:
            commands.append(ExecuteTrade(trade_id, (some,)))
        elif kind is CorrectTrade:
            commands.append(CorrectTrade(trade_id, some, "wrong"))
        else:
            commands.append(BustTrade(trade_id, some.venue_trade_id, "void"))
        if step == 6 and chance.random() < 0.2:
            commands.append(CancelTrade(trade_id, "late"))
    trade, events = Trade(), list[TradeEvent]()
    for command in commands:
        try:
            new_events = trade.decide(command)
        except EventShopError:
            continue
        trade = trade.evolve_all(new_events)
        events += new_events
    return [DatedEvent(event, NOON + timedelta(seconds=place)) for place, event in enumerate(events)]


def random_trades(chance: Random) -> list[list[DatedEvent]]:
    return [random_trade(chance, number) for number in range(1, 5)]


@every_projection
@settings(max_examples=50)
@given(chance=st.randoms(use_true_random=False), data=st.data())
def test_any_cut_into_batches_gives_the_same_rows(
    projection: Projection[Any], chance: Random, data: st.DataObject
) -> None:
    history = list(record_events(interleave(chance, random_trades(chance))))
    cuts = data.draw(st.lists(st.integers(min_value=0, max_value=len(history)), max_size=6))
    assert column_values(fold_in_batches(projection, history, cuts)) == column_values(fold(projection, history))


@every_projection
@settings(max_examples=50)
@given(chance=st.randoms(use_true_random=False))
def test_any_interleaving_of_trades_gives_the_same_rows(projection: Projection[Any], chance: Random) -> None:
    lives = random_trades(chance)
    one, other = (fold(projection, list(record_events(interleave(chance, lives)))) for _ in range(2))
    assert column_values(one, without=POSITION_COLUMNS) == column_values(other, without=POSITION_COLUMNS)


@settings(max_examples=50)
@given(chance=st.randoms(use_true_random=False))
def test_a_position_is_the_signed_sum_of_the_fills_that_stand(chance: Random) -> None:
    lives = random_trades(chance)
    rows = fold(position, list(record_events(interleave(chance, lives))))
    held = Decimal(0)
    for life in lives:
        trade = Trade().evolve_all(item.event for item in life)  # type: ignore[misc]
        held += trade.executed * (1 if trade.terms.side is Side.BUY else -1)
    assert sum((row.quantity for row in rows.values()), Decimal(0)) == held


@settings(max_examples=50)
@given(chance=st.randoms(use_true_random=False))
def test_what_positions_and_trades_cost_is_the_sum_of_the_fees_of_the_fills_that_stand(chance: Random) -> None:
    lives = random_trades(chance)
    history = list(record_events(interleave(chance, lives)))
    paid = Decimal(0)
    for life in lives:
        trade = Trade().evolve_all(item.event for item in life)  # type: ignore[misc]
        paid += fees_of(tuple(record.fill for record in trade.fills if not record.void))
    projections: list[Projection[Any]] = [position, trade_blotter]
    for projection in projections:
        assert sum((row.fees for row in fold(projection, history).values()), Decimal(0)) == paid
    for row in fold(position, history).values():
        assert (row.net_realised, row.fifo_net_realised) == (row.realised - row.fees, row.fifo_realised - row.fees)


def without_errors(life: list[DatedEvent]) -> list[DatedEvent]:
    """The same trade as if only what stands in the end had ever been reported."""
    trade = Trade().evolve_all(item.event for item in life)  # type: ignore[misc]
    standing = tuple(booked.fill for booked in trade.fills if not booked.void)
    closing = [item for item in life if isinstance(item.event, TradeCancelled)]
    executed = TradeExecuted(trade.terms.trade_id, trade.deal, standing, trade.open)
    return [life[0], *closing, *([DatedEvent(executed, NOON)] if standing else [])]


def trade_values(life: list[DatedEvent]) -> tuple[Any, ...]:
    trade = Trade().evolve_all(item.event for item in life)  # type: ignore[misc]
    return trade.status, trade.executed, trade.notional, trade.open, trade.average_price


def settlement_values(life: list[DatedEvent]) -> tuple[Any, ...]:
    saga = SettlementSaga()
    for item in life:
        if isinstance(item.event, get_args(SettlementInput)):
            saga = saga.evolve(item.event)
    return saga.waiting, saga.filled, saga.days, saga.settles_at


def statements(lives: list[list[DatedEvent]]) -> list[Statement]:
    """The statements of two days by both methods."""
    reports = [item.event for life in lives for item in life]
    fills = standing_fills(
        event for event in reports if isinstance(event, TradeExecuted | TradeCorrected | TradeBusted)
    )
    days = [NOON.date(), NOON.date() + timedelta(days=1)]
    return [compose_statement(ACCOUNT, day, NOON, method, fills) for day in days for method in CostMethod]


@settings(max_examples=50)
@given(chance=st.randoms(use_true_random=False), data=st.data())
def test_errors_put_right_leave_no_trace_anywhere(chance: Random, data: st.DataObject) -> None:
    """Trade, settlement, position, result, statement and minute equal those of what stands alone.

    Whichever partitions deliver first, and however what they deliver is cut into batches.
    """
    lives = random_trades(chance)
    clean = [without_errors(life) for life in lives]
    assert [trade_values(life) for life in lives] == [trade_values(life) for life in clean]
    assert [settlement_values(life) for life in lives] == [settlement_values(life) for life in clean]
    assert statements(lives) == statements(clean)
    first = [life for life in lives if chance.random() < 0.5]
    partitions = [first, [life for life in lives if life not in first]]
    history = list(record_events(item for partition in partitions for item in interleave(chance, partition)))
    cuts = data.draw(st.lists(st.integers(min_value=0, max_value=len(history)), max_size=6))
    alone = list(record_events([item for life in clean for item in life]))
    ignored = POSITION_COLUMNS | {"updated_at", "corrections", "reason", "needs_review"}
    for projection in (trade_blotter, position, market_minute):
        with_errors = column_values(fold_in_batches(projection, history, cuts), without=ignored)
        never = column_values(fold(projection, alone), without=ignored)
        emptied = with_errors.keys() - never.keys()  # of what was reported, and is void
        sums = ("trades", "bought", "sold", "volume", "realised", "fifo_realised", "quantity", "fees", "net_realised")
        assert not any(with_errors[key].get(column) for key in emptied for column in sums)
        assert {key: row for key, row in with_errors.items() if key not in emptied} == never


@settings(max_examples=50)
@given(chance=st.randoms(use_true_random=False), data=st.data())
def test_a_minute_is_the_larger_side_of_each_number_among_the_fills_that_stand(
    chance: Random, data: st.DataObject
) -> None:
    """Counted here in another way, from the trades in the end."""
    lives = random_trades(chance)
    history = list(record_events(interleave(chance, lives)))
    cuts = data.draw(st.lists(st.integers(min_value=0, max_value=len(history)), max_size=6))
    sides: dict[tuple[datetime, str], dict[Side, list[Fill]]] = {}
    for life in lives:
        trade = Trade().evolve_all(item.event for item in life)  # type: ignore[misc]
        for record in trade.fills:
            if not record.void:
                minute = record.fill.at.replace(second=0)
                of_number = sides.setdefault((minute, record.first.venue_trade_id), {Side.BUY: [], Side.SELL: []})
                of_number[trade.terms.side].append(record.fill)
    counted: dict[datetime, list[list[Fill]]] = {}
    for (minute, _), of_number in sides.items():
        fills = max(of_number.values(), key=lambda some: (volume(tuple(some)), notional(tuple(some))))
        counted.setdefault(minute, []).append(fills)
    rows = fold_in_batches(market_minute, history, cuts)
    assert {row.minute for row in rows.values() if row.trades} == counted.keys()
    for row in rows.values():
        numbers = counted.get(row.minute, [])
        flat = tuple(fill for some in numbers for fill in some)
        assert (row.trades, row.volume, row.notional) == (len(numbers), volume(flat), notional(flat))
        assert (row.low, row.high) == (
            min((fill.price for fill in flat), default=None),
            max((fill.price for fill in flat), default=None),
        )


@settings(max_examples=50)
@given(chance=st.randoms(use_true_random=False), data=st.data())
def test_what_was_earned_is_the_same_over_any_split_of_partitions_and_batches(
    chance: Random, data: st.DataObject
) -> None:
    lives = random_trades(chance)
    earned = set()
    for _ in range(3):
        partitions: list[list[list[DatedEvent]]] = [[], [], []]
        for life in lives:
            chance.choice(partitions).append(life)
        history = list(record_events(item for lives_of in partitions for item in interleave(chance, lives_of)))
        cuts = data.draw(st.lists(st.integers(min_value=0, max_value=len(history)), max_size=6))
        rows = fold_in_batches(position, history, cuts).values()
        columns = ("realised", "fifo_realised", "open_cost", "fifo_open_cost", "fees", "net_realised")
        earned.add(tuple(sum((getattr(row, name) for row in rows), Decimal(0)) for name in columns))
    assert len(earned) == 1


def test_chance_tells_of_corrections_and_busts() -> None:
    """Without them the tests above would prove nothing."""
    events = [item.event for seed in range(30) for life in random_trades(Random(seed)) for item in life]
    assert sum(isinstance(event, TradeCorrected) for event in events) > 30
    assert sum(isinstance(event, TradeBusted) for event in events) > 30
