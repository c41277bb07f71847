"""Orders at a simulated venue over HTTP: what it reports is booked, and a cancellation is a request that it answers."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import pytest
from django.db.models.functions import Now
from pytest_django import Settings

from eventshop.core.deterministic_ids import derive_id
from eventshop.core.messages import new_id
from eventshop.eventstore.command_dispatcher import send
from eventshop.eventstore.event_store import store
from eventshop.sagas import workers
from eventshop.sagas.models import SagaStep
from tests.support.browser import serve
from tests.support.gateway_process import SECRET
from tests.support.processes import ROOT
from tests.support.venue_process import running_venue
from tests.support.waiting import wait_until
from trading.application.instruments import save_listings
from trading.application.submit_trade import NewTrade, amend_trade, cancel_trade, submit_trade
from trading.domain.account import TradingAccount
from trading.domain.commands import AmendTrade, OpenAccount
from trading.domain.events import OrderType, Side, TimeInForce
from trading.domain.trade import Status, Trade
from trading.importers.instruments.reference_file import ReferenceFile

ACCOUNT: Final = derive_id("test-account", "venue")


@pytest.fixture(autouse=True)
def venue(clean_database: None, settings: Settings, tmp_path: Path) -> Iterator[None]:
    settings.VENUE_SECRET = SECRET
    save_listings(ReferenceFile(ROOT / "deploy" / "venue" / "instruments.csv").listings.values(), actor="t", reason="t")
    send(OpenAccount(ACCOUNT, "Ada", None, "EUR", Decimal(100_000)))
    with serve() as site, running_venue(tmp_path, settings, "--later", "0.1", "--webhook", f"{site}/trading/reports"):
        yield


def order(symbol: str, time_in_force: TimeInForce = TimeInForce.GTC) -> UUID:
    """Submit an order for 10 at 20.00, and let the saga send it."""
    new = NewTrade(
        ACCOUNT, f"SIM/{symbol}", Side.BUY, OrderType.LIMIT, Decimal(10), Decimal("20.00"), time_in_force, repeated=True
    )
    trade_id = submit_trade(new, actor="ada", command_id=new_id()).aggregate_id
    workers.run_until_idle("test")
    return trade_id


def load(trade_id: UUID) -> Trade:
    return Trade().evolve_all(recorded.event for recorded in store.get_events(trade_id))


def types_of(trade_id: UUID) -> list[str]:
    return [recorded.meta.event_type for recorded in store.get_events(trade_id)]


def frozen() -> int:
    account = TradingAccount().evolve_all(recorded.event for recorded in store.get_events(ACCOUNT))
    return int(account.amount_in_use())


def wait_for(trade_id: UUID, **expected: Any) -> None:
    """Wait until the trade has these values, while sagas and effects do what is due."""

    def is_so() -> bool:
        SagaStep.objects.filter(state="waiting").update(looked_at_from=Now())
        workers.run_until_idle("test")
        trade = load(trade_id)
        return all(getattr(trade, name) == value for name, value in expected.items())

    wait_until(is_so, seen=lambda: (types_of(trade_id), list(SagaStep.objects.values_list("name", "state", "answer"))))


@pytest.mark.parametrize(
    ("symbol", "expected"),
    [
        ("FILL", {"status": Status.FILLED, "executed": 10}),
        ("PARTIAL", {"status": Status.PARTLY_FILLED, "executed": 5}),
        ("REFUSED", {"status": Status.REJECTED}),
        ("CORRECT", {"status": Status.FILLED, "notional": 195}),
        ("BUST", {"status": Status.PARTLY_FILLED, "executed": 5}),
        ("TWICE", {"status": Status.FILLED, "executed": 10}),
        ("OVERFILL", {"status": Status.FILLED, "executed": 15, "flagged": True}),
        ("UNSTABLE", {"status": Status.FILLED, "executed": 10}),
    ],
)
def test_what_the_venue_does_with_an_order_is_booked(symbol: str, expected: dict[str, Any]) -> None:
    wait_for(order(symbol), **expected)


def test_what_is_not_filled_at_once_expires_by_the_venues_word() -> None:
    trade_id = order("PARTIAL", TimeInForce.IOC)
    wait_for(trade_id, status=Status.EXPIRED, executed=5)
    assert set(types_of(trade_id)) == {"TradeSubmitted", "TradeExecuted", "TradeExpired"}  # reports come in any order


def cancel(trade_id: UUID) -> None:
    cancel_trade(trade_id, "the market moved", actor="ada", command_id=new_id())


def test_a_cancellation_is_a_request_that_the_venue_answers() -> None:
    trade_id = order("REST")
    cancel(trade_id)
    assert (load(trade_id).status, frozen()) == (Status.OPEN, 200)
    cancel(trade_id)  # asked twice: one request
    wait_for(trade_id, status=Status.CANCELLED)
    wait_until(lambda: frozen() == 0 or bool(workers.run_until_idle("test")))
    assert types_of(trade_id) == ["TradeSubmitted", "CancelRequested", "TradeCancelled"]


def test_a_fill_that_was_made_before_the_cancellation_is_booked() -> None:
    trade_id = order("LATE_FILL")
    cancel(trade_id)
    wait_for(trade_id, status=Status.CANCELLED, executed=5)


def test_a_cancellation_that_comes_too_late_is_rejected_and_the_order_is_filled() -> None:
    trade_id = order("TOO_LATE")
    cancel(trade_id)
    wait_for(trade_id, status=Status.FILLED, cancel_requested=None)
    assert types_of(trade_id) == ["TradeSubmitted", "CancelRequested", "CancelRejected", "TradeExecuted"]


def test_a_cancellation_whose_report_is_lost_is_asked_for_again() -> None:
    trade_id = order("SILENT")
    cancel(trade_id)
    wait_for(trade_id, status=Status.CANCELLED)


@pytest.mark.parametrize(("symbol", "last", "amount"), [("REST", "TradeAmended", 152), ("FIXED", "AmendRejected", 200)])
def test_an_amendment_is_a_request_and_the_larger_amount_is_frozen_until_it_is_answered(
    symbol: str, last: str, amount: int
) -> None:
    trade_id = order(symbol)
    amend_trade(AmendTrade(trade_id, "less", Decimal(8), Decimal("19.00")), actor="ada", command_id=new_id())
    assert (int(load(trade_id).terms.quantity), frozen()) == (10, 200)
    wait_for(trade_id, amend_requested=None)
    assert (types_of(trade_id)[-1], frozen()) == (last, amount)
