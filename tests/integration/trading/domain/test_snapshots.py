"""Snapshots of trades with many fills: loading decodes no fill and gives the same state."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

import pytest
from msgspec import Raw

from eventshop.core.message_registry import registry
from eventshop.core.messages import Envelope, new_id
from eventshop.eventstore.backends.protocol import backend
from eventshop.eventstore.command_dispatcher import send, send_many
from eventshop.eventstore.command_execution import load_aggregate, read_full_history
from eventshop.eventstore.command_receipts import Receipt
from eventshop.eventstore.records import SNAPSHOT_PREFIX
from eventshop.eventstore.snapshots import repository
from tests.support.trade_commands import ACCOUNT_ID, BTC, OCCURRED_AT
from trading.application.instruments import get_instrument
from trading.domain.commands import BustTrade, CorrectTrade, ExecuteTrade, SubmitTrade
from trading.domain.events import Fill, OrderType, Side
from trading.domain.trade import Trade

pytestmark = pytest.mark.usefixtures("clean_database")

FILLS = 10_000


def make_fill(number: int, price: str = "61837.63") -> Fill:
    return Fill(str(number), Decimal(price), Decimal("0.5"), OCCURRED_AT)


def submit_long_trade(*executions: tuple[Fill, ...]) -> UUID:
    trade_id = new_id()
    terms = get_instrument(BTC)
    submit = SubmitTrade(trade_id, "T-1", ACCOUNT_ID, terms, Side.BUY, OrderType.MARKET, Decimal(1_000_000))
    commands = [submit, *(ExecuteTrade(trade_id, fills) for fills in executions)]
    outcomes = send_many((command, Envelope(new_id())) for command in commands)
    assert all(isinstance(outcome, Receipt) for outcome in outcomes)
    return trade_id


def load_from_snapshot(trade_id: UUID) -> Trade:
    _, past = backend().load_history(trade_id, UUID(int=0))
    assert past[0].event_type.startswith(SNAPSHOT_PREFIX)
    state = load_aggregate(Trade, trade_id, past, registry).state
    assert isinstance(state, Trade)
    return state


def test_a_trade_of_ten_thousand_fills_is_loaded_from_one_row_with_its_fills_still_encoded() -> None:
    """The benchmark of trades measures how long it takes."""
    trade_id = submit_long_trade(
        *(tuple(make_fill(number) for number in range(at, at + 500)) for at in range(0, FILLS, 500))
    )
    assert repository.take_snapshot(trade_id)
    _, past = backend().load_history(trade_id, UUID(int=0))
    assert len(past) == 1
    trade = load_from_snapshot(trade_id)
    assert trade.executed == Decimal(FILLS) / 2
    encoded = [*trade.fills.older.values(), *trade.fills.newer.values()]
    assert (len(encoded), {type(record) for record in encoded}) == (FILLS, {Raw})


def test_a_snapshot_is_the_trade_that_its_events_make_and_goes_on_as_it() -> None:
    trade_id = submit_long_trade(*((make_fill(number),) for number in range(250)))
    send(CorrectTrade(trade_id, make_fill(3, "61837.00"), "typed wrongly"))
    send(BustTrade(trade_id, "240", "erroneous print"))
    assert repository.take_snapshot(trade_id)
    send(ExecuteTrade(trade_id, (make_fill(3), make_fill(300))))  # one fill from before the snapshot, and a new one
    send(BustTrade(trade_id, "300", "erroneous print"))
    trade = load_from_snapshot(trade_id)
    assert trade == load_aggregate(Trade, trade_id, read_full_history(trade_id), registry).state
    assert (trade.executed, len(list(trade.fills))) == (Decimal("124.5"), 251)
    assert [record.first.venue_trade_id for record in trade.fills if record.void] == ["240", "300"]
    assert [mismatch for mismatch in repository.verify_snapshots() if mismatch is not None] == []
