"""Reported cases of trading: through commands, the settlement saga and the read models."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

import pytest
from msgspec.structs import replace

from eventshop.core.messages import Command, Envelope, new_id
from eventshop.eventstore.command_dispatcher import send
from eventshop.eventstore.event_store import store
from eventshop.sagas import workers
from projections.models import Position, TradeBlotter
from projections.position import position
from projections.trade_blotter import trade_blotter
from tests.support.read_models import catch_up
from tests.support.trade_commands import ACCOUNT_ID
from trading.application.instruments import find_listing, get_instrument, save_listing
from trading.domain.commands import AmendTrade, BustTrade, CancelTrade, ExecuteTrade, ReviewTrade, SubmitTrade
from trading.domain.events import Contract, Fill, OrderType, Side, TradeSettled

pytestmark = pytest.mark.usefixtures("clean_database")

SAP = "XETRA/SAP"
MONDAY, TUESDAY = datetime(2026, 3, 2, 12, tzinfo=UTC), datetime(2026, 3, 3, 12, tzinfo=UTC)


def submit(quantity: str, side: Side = Side.BUY, code: str = SAP) -> UUID:
    trade_id = new_id()
    terms = get_instrument(code)
    send_now(SubmitTrade(trade_id, f"T-{trade_id}", ACCOUNT_ID, terms, side, OrderType.MARKET, Decimal(quantity)))
    return trade_id


def send_now(command: Command) -> None:
    send(command, envelope=Envelope(new_id(), actor="desk"))


def fill(trade_id: UUID, quantity: str, price: str, at: datetime = MONDAY) -> str:
    number = f"V-{new_id()}"
    send_now(ExecuteTrade(trade_id, (Fill(number, Decimal(price), Decimal(quantity), at),)))
    return number


def settlements(trade_id: UUID) -> list[tuple[date, Decimal]]:
    """The value date and the quantity of each settlement; the dates of these cases are past."""
    workers.run_until_idle("test")
    events = [recorded.event for recorded in store.get_events(trade_id)]
    return [(event.settled_on, event.quantity) for event in events if isinstance(event, TradeSettled)]


def test_a_busted_fill_moves_the_settlement_back() -> None:
    """Input: 5 filled on Monday, 5 on Tuesday; Tuesday's busted, the rest cancelled. Right: due on Wednesday."""
    trade_id = submit("10")
    fill(trade_id, "5", "200.00", MONDAY)
    number = fill(trade_id, "5", "200.00", TUESDAY)
    send_now(BustTrade(trade_id, number, "erroneous print"))
    send_now(CancelTrade(trade_id, "too slow"))
    assert settlements(trade_id) == [(date(2026, 3, 4), Decimal(5))]


def test_a_bust_of_a_settled_trade_settles_it_again() -> None:
    """The same kind: the bust comes after the settlement. Right: settled once more, for what stands and on its day."""
    trade_id = submit("10")
    fill(trade_id, "5", "200.00", MONDAY)
    number = fill(trade_id, "5", "200.00", TUESDAY)
    assert settlements(trade_id) == [(date(2026, 3, 5), Decimal(10))]
    send_now(BustTrade(trade_id, number, "erroneous print"))
    assert settlements(trade_id)[1:] == [(date(2026, 3, 4), Decimal(5))]
    catch_up(position, trade_blotter)
    row = TradeBlotter.objects.get(pk=trade_id)
    assert (row.status, row.settled_on, row.needs_review) == ("SETTLED", date(2026, 3, 4), True)
    assert Position.objects.get().quantity == Decimal(5)


def test_a_fill_that_was_faster_than_our_cancellation_is_booked() -> None:
    """Input: a fill that the venue made before the cancel arrived. Right: booked; position and settlement follow."""
    trade_id = submit("10")
    send_now(CancelTrade(trade_id, "too slow"))
    assert settlements(trade_id) == []
    fill(trade_id, "4", "200.00")
    catch_up(position, trade_blotter)
    row = TradeBlotter.objects.get(pk=trade_id)
    assert (row.status, row.executed, row.needs_review) == ("CANCELLED", Decimal(4), False)
    assert Position.objects.get().quantity == Decimal(4)
    assert settlements(trade_id) == [(date(2026, 3, 4), Decimal(4))]


def test_a_fill_beyond_the_quantity_is_booked_and_listed_for_review() -> None:
    trade_id = submit("10")
    fill(trade_id, "10", "200.00")
    fill(trade_id, "1", "200.00")
    send_now(ReviewTrade(trade_id, "the venue confirmed it"))
    fill(trade_id, "2", "200.00")
    catch_up(position, trade_blotter)
    row = TradeBlotter.objects.get(pk=trade_id)
    assert (row.status, row.executed, row.needs_review) == ("FILLED", Decimal(13), True)
    assert Position.objects.get().quantity == Decimal(13)


def test_what_opens_a_position_earns_nothing() -> None:
    """Input: buy 10 at 100, sell 10 at 110, buy 10 at 200. Right: realised 100, average cost 200."""
    for minute, (side, price) in enumerate([(Side.BUY, "100"), (Side.SELL, "110"), (Side.BUY, "200")]):
        fill(submit("10", side), "10", price, MONDAY.replace(minute=minute))
    catch_up(position)
    row = Position.objects.get()
    assert (row.quantity, row.realised, row.average_cost) == (Decimal(10), Decimal(100), Decimal(200))


def test_a_contract_that_is_paid_in_coin_earns_coin() -> None:
    """Input: worth 100 USD, buy 1 at 50,000 and sell 1 at 60,000. Right: 0.00033333 BTC."""
    for minute, (side, price) in enumerate([(Side.BUY, "50000"), (Side.SELL, "60000")]):
        fill(submit("1", side, "BINANCE_COINM/BTCUSD_PERP"), "1", price, MONDAY.replace(minute=minute))
    catch_up(position)
    row = Position.objects.get()
    assert (row.realised, row.currency, row.quantity) == (Decimal("0.00033333"), "BTC", 0)


def test_a_share_does_not_settle_on_a_day_when_banks_are_closed() -> None:
    """Input: a NYSE share traded on Friday 2026-10-09, T+1. Right: due on 2026-10-13, after Columbus Day."""
    trade_id = submit("1", code="NYSE/IBM")
    fill(trade_id, "1", "200.00", datetime(2026, 10, 9, 15, tzinfo=UTC))
    assert settlements(trade_id) == [(date(2026, 10, 13), Decimal(1))]


def test_an_open_order_is_amended() -> None:
    """Input: another quantity and price for an order that is partly filled. Right: the order goes on with them."""
    trade_id = new_id()
    order = SubmitTrade(
        trade_id, "T-1", ACCOUNT_ID, get_instrument(SAP), Side.BUY, OrderType.LIMIT, Decimal(10), Decimal("200.00")
    )
    send_now(order)
    fill(trade_id, "4", "199.98")
    send_now(AmendTrade(trade_id, "the market moved", Decimal(6), Decimal("201.00")))
    fill(trade_id, "2", "201.00", TUESDAY)
    assert settlements(trade_id) == [(date(2026, 3, 5), Decimal(6))]


def test_an_instrument_that_nobody_knew_is_added_by_staff_and_traded() -> None:
    """Input: a future with a price below 0, worth 1,000 barrels. Right: it is data, and its results are right."""
    ibm = find_listing("NYSE/IBM")
    terms = replace(
        ibm.instrument, code="NYMEX/CL", negative_prices=True, contract=Contract(Decimal(1000), False, "USD")
    )
    save_listing(replace(ibm, instrument=terms), actor="staff:test", reason="clients asked for it")
    fill(submit("1", Side.SELL, "NYMEX/CL"), "1", "10.01")
    fill(submit("1", Side.BUY, "NYMEX/CL"), "1", "-37.63", TUESDAY)
    catch_up(position)
    assert Position.objects.get(instrument="NYMEX/CL").realised == Decimal("47640.00")
