"""The settlement saga with the real store, saga runner and durable timers."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from django.db.models.functions import Now
from django.utils import timezone

from eventshop.core.deterministic_ids import derive_id
from eventshop.core.messages import Command, Envelope, new_id
from eventshop.eventstore.command_dispatcher import send
from eventshop.eventstore.event_store import store
from eventshop.eventstore.models import StoredEvent
from eventshop.sagas import workers
from eventshop.sagas.inbox import saga_id_for
from eventshop.sagas.models import Saga, Timer
from tests.support.saga_backups import lose_sagas
from tests.support.trade_commands import BTC, submit_trade
from trading.application.instruments import get_instrument
from trading.domain.account import TradingAccount
from trading.domain.commands import (
    ExecuteTrade,
    FreezeAmount,
    HoldSettlement,
    OpenAccount,
    ResumeSettlement,
    SettleTrade,
    SubmitTrade,
)
from trading.domain.events import Fill, OrderType, Side
from trading.domain.trade import Status, Trade

pytestmark = pytest.mark.usefixtures("clean_database")

ACCOUNT = derive_id("test-account", "clerk")
SAP = "XETRA/SAP"


def send_as_ada(command: Command) -> None:
    send(command, envelope=Envelope(new_id(), actor="ada"))


def submit_filled_trade(code: str = BTC, price: str = "100.00", quantity: str = "2") -> UUID:
    """Submit and fill a trade now, with its amount frozen."""
    trade_id = new_id()
    terms = get_instrument(code)
    send_as_ada(OpenAccount(ACCOUNT, "Clerk", None, terms.currency, Decimal(1_000)))
    send_as_ada(FreezeAmount(ACCOUNT, trade_id, code, terms.currency, Decimal(price) * Decimal(quantity)))
    send_as_ada(SubmitTrade(trade_id, "T-9", ACCOUNT, terms, Side.BUY, OrderType.MARKET, Decimal(quantity)))
    send_as_ada(ExecuteTrade(trade_id, (Fill("v1", Decimal(price), Decimal(quantity), timezone.now()),)))
    return trade_id


def run_workers() -> None:
    workers.run_until_idle("test")


def load_trade(trade_id: UUID) -> Trade:
    return Trade().evolve_all(event.event for event in store.get_events(trade_id))


def load_saga(trade_id: UUID) -> Saga:
    return Saga.objects.get(pk=saga_id_for("trade-settlement", trade_id))


def amount_in_use() -> Decimal:
    return TradingAccount().evolve_all(event.event for event in store.get_events(ACCOUNT)).amount_in_use()


def make_timers_due() -> None:
    Timer.objects.filter(fired_at=None).update(due_at=Now(), looked_at_from=Now())


def test_what_settles_at_once_is_settled_and_its_limit_free_again() -> None:
    trade_id = submit_filled_trade()
    assert amount_in_use() == Decimal(200)
    run_workers()
    assert (load_trade(trade_id).status, load_saga(trade_id).status) == (Status.SETTLED, "ended")
    assert amount_in_use() == 0


def test_what_settles_in_days_waits_for_its_timer() -> None:
    trade_id = submit_filled_trade(SAP)
    run_workers()
    assert (load_trade(trade_id).status, amount_in_use()) == (Status.FILLED, Decimal(0))
    timer = Timer.objects.get(fired_at=None)
    assert timezone.now() + timedelta(days=1) < timer.due_at < timezone.now() + timedelta(days=14)
    make_timers_due()
    run_workers()
    assert load_trade(trade_id).status is Status.SETTLED
    assert [event.meta.event_type for event in store.get_events(trade_id)].count("TradeSettled") == 1


def test_staff_settle_early_and_the_timer_does_nothing_more() -> None:
    trade_id = submit_filled_trade(SAP)
    run_workers()
    send_as_ada(SettleTrade(trade_id, timezone.now().date()))
    run_workers()
    assert load_saga(trade_id).status == "ended"
    make_timers_due()
    run_workers()
    assert [event.meta.event_type for event in store.get_events(trade_id)].count("TradeSettled") == 1


def test_a_held_trade_settles_when_it_is_let_go() -> None:
    trade_id = submit_filled_trade(SAP)
    send_as_ada(HoldSettlement(trade_id, "papers missing"))
    run_workers()
    make_timers_due()
    run_workers()
    assert load_trade(trade_id).status is Status.FILLED
    send_as_ada(ResumeSettlement(trade_id, "papers came"))
    run_workers()
    assert load_trade(trade_id).status is Status.SETTLED


def test_lost_settlement_sagas_settle_nothing_twice_and_go_on_with_what_is_open() -> None:
    """Input: a settled trade, one settled early and one that waits; their sagas are lost. Only the last one is left."""
    settled = submit_filled_trade(SAP)
    run_workers()
    make_timers_due()
    run_workers()
    early, waiting = submit_filled_trade(SAP), submit_filled_trade(SAP)
    run_workers()
    send_as_ada(SettleTrade(early, timezone.now().date()))
    run_workers()
    due_at = Timer.objects.get(fired_at=None).due_at
    events = StoredEvent.objects.count()
    lose_sagas()
    run_workers()
    assert StoredEvent.objects.count() == events
    assert not amount_in_use()
    assert [load_saga(trade).status for trade in (settled, early, waiting)] == ["ended", "ended", "running"]
    assert not Saga.objects.filter(muted=True).exists()
    timer = Timer.objects.get(fired_at=None)
    assert (timer.due_at, timer.looked_at_from) == (due_at, due_at)
    make_timers_due()
    run_workers()
    assert (load_trade(waiting).status, load_saga(waiting).status) == (Status.SETTLED, "ended")
    for trade in (settled, early, waiting):
        assert [event.meta.event_type for event in store.get_events(trade)].count("TradeSettled") == 1


def test_history_starts_no_settlement() -> None:
    submit_trade("T-1", ("61837.63", "0.02"))  # months ago, like an import
    run_workers()
    assert not Saga.objects.exists()
