"""A trade freezes its amount from its submission until it has no open quantity."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from msgspec.structs import replace

from eventshop.core.deterministic_ids import derive_id
from eventshop.core.errors import CommandIdReused, Conflict
from eventshop.core.messages import new_id
from eventshop.eventstore.command_dispatcher import send
from eventshop.eventstore.command_receipts import Receipt
from eventshop.eventstore.event_store import store
from eventshop.sagas import workers
from trading.application import last_price_port
from trading.application.instruments import find_listing, save_listing
from trading.application.submit_trade import NewTrade, amend_trade, cancel_trade, submit_trade, trade_id_for
from trading.domain.account import TradingAccount
from trading.domain.commands import AmendTrade, BustTrade, ExecuteTrade, FreezeAmount, OpenAccount, SetLimit
from trading.domain.errors import (
    AccountNotOpen,
    DuplicateTrade,
    InvalidTradeState,
    LimitExceeded,
    MissingRate,
    NoPrice,
    OutsidePriceBand,
    StaleRate,
    UnknownInstrument,
    UnknownTrade,
    WrongLot,
    WrongTick,
)
from trading.domain.events import Fill, OrderType, Side, TimeInForce
from trading.domain.trade import Status, Trade
from trading.models import ExchangeRate, FeeSchedule

pytestmark = pytest.mark.usefixtures("clean_database")

ACCOUNT = derive_id("test-account", "client")
BTC = "BINANCE_SPOT/BTCUSDT"
TEN = NewTrade(ACCOUNT, BTC, Side.BUY, OrderType.LIMIT, Decimal("0.1"), Decimal("100.00"))
MARKET = NewTrade(ACCOUNT, BTC, Side.BUY, OrderType.MARKET, Decimal("0.1"))


@pytest.fixture(autouse=True)
def account(clean_database: None) -> None:
    send(OpenAccount(ACCOUNT, "Client", None, "USDT", Decimal(25)))


@contextmanager
def last_price(price: str) -> Iterator[None]:
    before = last_price_port.last_prices.get()
    latest = last_price_port.LastPrices(Decimal(price) / 2, Decimal(price), datetime(2026, 1, 30, tzinfo=UTC))
    last_price_port.last_prices.provide(lambda code: latest)
    yield
    last_price_port.last_prices.provide(before)


def submit(new_trade: NewTrade = TEN, command_id: UUID | None = None) -> Receipt:
    return submit_trade(new_trade, actor="ada", command_id=command_id or new_id())


def amount_in_use() -> Decimal:
    return TradingAccount().evolve_all(event.event for event in store.get_events(ACCOUNT)).amount_in_use()


def load_trade(trade_id: UUID) -> Trade:
    return Trade().evolve_all(event.event for event in store.get_events(trade_id))


def event_types(aggregate_id: UUID) -> list[str]:
    return [event.meta.event_type for event in store.get_events(aggregate_id)]


def test_a_placed_trade_is_open_and_has_frozen_its_amount() -> None:
    receipt = submit()
    assert (receipt.command_type, load_trade(receipt.aggregate_id).status) == ("SubmitTrade", Status.OPEN)
    assert amount_in_use() == Decimal(10)


def test_sent_again_it_is_one_trade() -> None:
    command_id = new_id()
    first, again = submit(command_id=command_id), submit(command_id=command_id)
    assert again == replace(first, replayed=True)
    assert event_types(ACCOUNT) == ["AccountOpened", "AmountFrozen"]


def test_sent_again_it_is_one_trade_whatever_the_tables_say_by_now() -> None:
    """The terms of fees, the tick or the last day of the instrument have changed since the first attempt."""
    day = replace(TEN, time_in_force=TimeInForce.DAY)
    command_id = new_id()
    first = submit(day, command_id)
    FeeSchedule.objects.create(rate=Decimal("0.001"), valid_from=datetime(2020, 1, 1, tzinfo=UTC), recorded_by="x")
    listing = find_listing(BTC)
    ended = replace(listing, instrument=replace(listing.instrument, tick=Decimal(7)), active_to=date(2020, 1, 2))
    save_listing(ended, actor="staff:test", reason="for the test")
    assert submit(day, command_id) == replace(first, replayed=True)
    with pytest.raises(CommandIdReused):
        submit(replace(day, quantity=Decimal("0.2")), command_id)
    assert amount_in_use() == Decimal(10)


def test_another_order_under_the_same_id_is_refused_and_changes_nothing() -> None:
    command_id = new_id()
    submit(command_id=command_id)
    with pytest.raises(CommandIdReused):
        submit(replace(TEN, quantity=Decimal("0.2")), command_id)
    assert amount_in_use() == Decimal(10)


def test_a_market_order_freezes_at_the_last_price_and_stays_the_same_when_that_moves() -> None:
    command_id = new_id()
    with last_price("120.00"):
        first = submit(MARKET, command_id)
    with last_price("130.00"):
        assert submit(MARKET, command_id) == replace(first, replayed=True)
        with pytest.raises(CommandIdReused):
            submit(replace(MARKET, quantity=Decimal("0.2")), command_id)
    assert amount_in_use() == Decimal(12)


def test_what_the_limit_does_not_allow_is_no_trade_and_stays_refused_under_its_id() -> None:
    command_id, large = new_id(), replace(TEN, quantity=Decimal("0.3"))
    for _ in range(2):
        with pytest.raises(LimitExceeded) as refusal:
            submit(large, command_id)
        assert refusal.value.data.keys() == {"limit", "requested", "available"}
        assert [str(value) for value in refusal.value.data.values()] == ["gross", "30.00000000", "25"]
        assert event_types(ACCOUNT) == ["AccountOpened", "FreezeRefused"]
    assert event_types(trade_id_for(command_id)) == []


@pytest.mark.parametrize(
    ("new_trade", "error"),
    [
        (replace(TEN, account_id=derive_id("test-account", "nobody")), AccountNotOpen),
        (replace(TEN, instrument="MOON/CHEESE"), UnknownInstrument),
        (replace(TEN, instrument="XETRA/SAP", quantity=Decimal(1)), MissingRate),
        (replace(TEN, limit_price=Decimal("100.001")), WrongTick),
        (replace(TEN, quantity=Decimal("0.000001")), WrongLot),
        (MARKET, NoPrice),
    ],
)
def test_what_cannot_be_placed_is_named_and_leaves_nothing(new_trade: NewTrade, error: type[Exception]) -> None:
    command_id = new_id()
    with pytest.raises(error):
        submit(new_trade, command_id)
    assert event_types(ACCOUNT) == ["AccountOpened"]
    assert event_types(trade_id_for(command_id)) == []


def test_a_trade_that_is_refused_freezes_nothing() -> None:
    command_id = new_id()
    submit(command_id=command_id)
    cancel_trade(trade_id_for(command_id), "other plans", actor="ada", command_id=new_id())
    send(OpenAccount(other := derive_id("test-account", "other"), "Other", None, "USDT", Decimal(25)))
    with pytest.raises(CommandIdReused):  # the freeze is refused first; nothing of the other account is used
        submit(replace(TEN, account_id=other), command_id)
    assert event_types(other) == ["AccountOpened"]


def test_a_cancelled_trade_releases_its_amount_at_once_and_only_once() -> None:
    trade_id, command_id = submit().aggregate_id, new_id()
    first = cancel_trade(trade_id, "too slow", actor="ada", command_id=command_id)
    assert (load_trade(trade_id).status, amount_in_use()) == (Status.CANCELLED, Decimal(0))
    assert cancel_trade(trade_id, "too slow", actor="ada", command_id=command_id) == replace(first, replayed=True)
    workers.run_until_idle("test")
    assert event_types(ACCOUNT).count("AmountReleased") == 1


def test_what_cannot_be_cancelled_keeps_its_amount() -> None:
    with pytest.raises(UnknownTrade):
        cancel_trade(new_id(), "?", actor="ada", command_id=new_id())
    trade_id = submit().aggregate_id
    fill_trade(trade_id)
    with pytest.raises(InvalidTradeState):
        cancel_trade(trade_id, "too late", actor="ada", command_id=new_id())
    assert amount_in_use() == Decimal(10)


def fill_trade(trade_id: UUID, number: str = "v1") -> None:
    at = next(iter(store.get_events(trade_id))).meta.recorded_at
    send(ExecuteTrade(trade_id, (Fill(number, Decimal("99.00"), Decimal("0.1"), at),)))


SAP = NewTrade(ACCOUNT, "XETRA/SAP", Side.BUY, OrderType.LIMIT, Decimal(1), Decimal(10))


def submit_and_reopen(meanwhile: str = "0") -> UUID:
    """A trade whose only fill is declared void while another trade has frozen `meanwhile` of the limit."""
    account = derive_id("test-account", "euros")
    send(OpenAccount(account, "Euros", None, "EUR", Decimal(15)))
    trade_id = submit(replace(SAP, account_id=account)).aggregate_id
    at = next(iter(store.get_events(trade_id))).meta.recorded_at
    send(ExecuteTrade(trade_id, (Fill("v1", Decimal(10), Decimal(1), at),)))
    workers.run_until_idle("test")
    assert TradingAccount().evolve_all(event.event for event in store.get_events(account)).amount_in_use() == 0
    if meanwhile != "0":
        submit(replace(SAP, account_id=account, limit_price=Decimal(meanwhile)))
    send(BustTrade(trade_id, "v1", "erroneous print"))
    workers.run_until_idle("test")
    return trade_id


def euro_amount_in_use() -> Decimal:
    events = store.get_events(derive_id("test-account", "euros"))
    return TradingAccount().evolve_all(event.event for event in events).amount_in_use()


def test_a_trade_that_is_opened_again_freezes_its_amount_again() -> None:
    trade_id = submit_and_reopen()
    assert (load_trade(trade_id).status, euro_amount_in_use()) == (Status.OPEN, Decimal(10))


def test_a_trade_that_is_opened_again_over_its_limit_is_cancelled() -> None:
    trade_id = submit_and_reopen(meanwhile="12")
    assert (load_trade(trade_id).status, euro_amount_in_use()) == (Status.CANCELLED, Decimal(12))
    assert "gross" in store.get_events(trade_id)[-1].event.reason


def test_eight_trades_placed_at_once_share_what_one_limit_has_and_no_more() -> None:
    send(SetLimit(ACCOUNT, BTC, Decimal(25)))

    def one(number: int) -> bool:
        command_id = new_id()
        try:
            for _ in range(50):
                try:
                    submit(command_id=command_id)
                    return True
                except Conflict:
                    continue
                except LimitExceeded:
                    return False
            raise AssertionError("no answer")
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(one, range(8))) == 2
    assert amount_in_use() == Decimal(20)


def test_an_amendment_freezes_what_follows_from_it_or_changes_nothing() -> None:
    trade_id = submit().aggregate_id
    first_id = new_id()
    up = AmendTrade(trade_id, "more", Decimal("0.2"))
    for _ in range(2):  # the second one is a repetition
        amend_trade(up, actor="ada", command_id=first_id)
    assert (load_trade(trade_id).open, amount_in_use()) == (Decimal("0.2"), Decimal(20))
    with pytest.raises(LimitExceeded, match="gross"):
        amend_trade(AmendTrade(trade_id, "more", Decimal("0.3")), actor="ada", command_id=new_id())
    assert (load_trade(trade_id).open, amount_in_use()) == (Decimal("0.2"), Decimal(20))
    amend_trade(AmendTrade(trade_id, "cheaper", None, Decimal(50)), actor="ada", command_id=new_id())
    assert amount_in_use() == 10
    with pytest.raises(UnknownTrade):
        amend_trade(replace(up, trade_id=UUID(int=1)), actor="ada", command_id=new_id())


def test_eight_threads_that_amend_never_exceed_the_limit() -> None:
    trades = [submit(replace(TEN, quantity=Decimal("0.03"))).aggregate_id for _ in range(8)]

    def amend(trade_id: UUID) -> str:
        try:
            amend_trade(AmendTrade(trade_id, "more", Decimal("0.05")), actor="ada", command_id=new_id())
        except (LimitExceeded, Conflict) as refusal:
            return refusal.code
        finally:
            connection.close()
        return "amended"

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(amend, trades))
    quantities = [load_trade(trade_id).terms.quantity for trade_id in trades]
    assert amount_in_use() == sum(quantities) * 100 <= 25
    assert answers.count("amended") == quantities.count(Decimal("0.05"))


ETH = "BINANCE_SPOT/ETHUSDT"


def test_eight_threads_on_two_accounts_exceed_no_limit_at_any_moment() -> None:
    """Orders in two instruments are placed, amended and cancelled; each account has two limits over them."""
    accounts = [ACCOUNT, derive_id("test-account", "other")]
    send(OpenAccount(accounts[1], "Other", None, "USDT", Decimal(40)))
    for account in accounts:
        send(SetLimit(account, BTC, Decimal(15)))

    def trade(number: int) -> Counter[str]:
        chance, answers = Random(number), Counter[str]()
        try:
            for _ in range(6):
                order = replace(
                    TEN,
                    account_id=chance.choice(accounts),
                    instrument=chance.choice([BTC, ETH]),
                    quantity=Decimal(chance.randint(20, 60)).scaleb(-3),
                    repeated=True,
                )
                answers[trade_for_a_while(order, chance)] += 1
        finally:
            connection.close()
        return answers

    with ThreadPoolExecutor(8) as pool:
        answers = sum(pool.map(trade, range(8)), Counter[str]())
    assert answers["limit-exceeded"] and answers["cancelled"] and answers["open"], answers
    for account, gross in zip(accounts, (25, 40), strict=True):
        state, open_amounts = TradingAccount(), Decimal(0)
        for recorded in store.get_events(account):
            state = state.evolve(recorded.event)
            assert state.amount_in_use() <= gross and state.amount_in_use(BTC) <= 15
        for trade_id, frozen in state.frozen.items():
            terms = load_trade(trade_id).terms
            assert (terms.account_id, terms.quantity * 100) == (account, frozen.amount)
            open_amounts += frozen.amount
        assert state.amount_in_use() == open_amounts > 0


def trade_for_a_while(order: NewTrade, chance: Random) -> str:
    """Place an order and go on with it: how it ended. What somebody else was faster with is tried again."""
    try:
        trade_id = retry_conflicts(lambda command_id: submit(order, command_id)).aggregate_id
        amended = AmendTrade(trade_id, "more", order.quantity + Decimal("0.02"))
        retry_conflicts(lambda command_id: amend_trade(amended, actor="ada", command_id=command_id))
    except LimitExceeded as refusal:
        return refusal.code
    if chance.random() < 0.6:
        retry_conflicts(lambda command_id: cancel_trade(trade_id, "enough", actor="ada", command_id=command_id))
        return "cancelled"
    return "open"


def retry_conflicts(send_command: Callable[[UUID], Receipt]) -> Receipt:
    command_id = new_id()
    for _ in range(200):
        with suppress(Conflict):
            return send_command(command_id)
    raise AssertionError("no answer")


def test_an_order_for_the_day_is_good_until_the_venue_closes_and_then_releases_its_limit() -> None:
    day = submit(replace(TEN, time_in_force=TimeInForce.DAY)).aggregate_id
    good_until = load_trade(day).terms.good_until
    assert good_until is not None
    assert timedelta(0) < good_until - datetime.now(UTC) <= timedelta(days=1)  # midnight, UTC
    over = replace(TEN.to_command(new_id()), time_in_force=TimeInForce.DAY, good_until=datetime.now(UTC))
    send(FreezeAmount(ACCOUNT, over.trade_id, BTC, "USDT", Decimal(10)))
    send(over)
    workers.run_until_idle("test")
    assert [load_trade(trade).status for trade in (day, over.trade_id)] == [Status.OPEN, Status.EXPIRED]
    assert amount_in_use() == 10


def add_rate(rate: str, age: timedelta = timedelta(0), *, base: str = "EUR", quote: str = "USDT") -> None:
    ExchangeRate.objects.create(base=base, quote=quote, rate=Decimal(rate), at=datetime.now(UTC) - age, recorded_by="x")


def test_limits_are_in_the_currency_of_the_account_by_a_rate_that_is_recent() -> None:
    order = replace(TEN, instrument="XETRA/SAP", quantity=Decimal(1), limit_price=Decimal("20.00"))
    add_rate("1.5", timedelta(days=2))
    with pytest.raises(StaleRate, match=r"EUR/USDT"):
        submit(order)
    assert amount_in_use() == 0
    add_rate("1.1", timedelta(hours=2))
    command_id = new_id()
    trade_id = submit(order, command_id).aggregate_id
    assert amount_in_use() == 22
    add_rate("0.8", base="USDT", quote="EUR")  # the newest one counts, in either direction
    assert submit(order, command_id).replayed
    with pytest.raises(LimitExceeded):
        submit(order)
    amend_trade(AmendTrade(trade_id, "cheaper", None, Decimal("10.00")), actor="ada", command_id=new_id())
    assert amount_in_use() == Decimal("12.5")


def test_a_price_far_from_the_last_one_is_refused_where_it_would_cost(settings: Any) -> None:
    settings.PRICE_BAND_PERCENT = 10
    with last_price("100"):  # from 50 to 100
        for side, price in ((Side.BUY, "110.01"), (Side.SELL, "44.99")):
            with pytest.raises(OutsidePriceBand, match=price):
                submit(replace(TEN, side=side, limit_price=Decimal(price)))
        for side, price in ((Side.BUY, "1"), (Side.SELL, "45")):
            submit(replace(TEN, side=side, limit_price=Decimal(price)))
        settings.PRICE_BAND_PERCENT = 0
        submit(replace(TEN, limit_price=Decimal("110.01")))


def test_the_same_order_twice_is_refused_unless_it_is_meant(settings: Any) -> None:
    settings.DUPLICATE_TRADE_WINDOW_S = 60
    command_id = new_id()
    first = submit(TEN, command_id)
    with pytest.raises(DuplicateTrade, match=load_trade(first.aggregate_id).terms.reference):
        submit(TEN)
    assert submit(TEN, command_id).replayed  # the same command is no second order
    submit(replace(TEN, side=Side.SELL))
    cancel_trade(first.aggregate_id, "enough", actor="ada", command_id=new_id())
    submit(replace(TEN, repeated=True))
    assert amount_in_use() == 20
