"""Workers are killed during settlements: every executed trade settles exactly once and releases its frozen amount."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from decimal import Decimal
from functools import partial
from random import Random
from uuid import UUID

import pytest
from django.utils import timezone

from eventshop.core.messages import new_id
from eventshop.eventstore.command_dispatcher import send
from eventshop.eventstore.event_store import store
from eventshop.runtime.fault_injection import CRASH_POINTS
from eventshop.sagas import workers
from eventshop.sagas.models import Saga, Timer
from tests.conftest import BASE_DIR
from tests.support import chaos
from tests.support.order_fulfilment import expire_leases_and_delays
from tests.support.trader import fill_trade, open_account
from tests.support.waiting import wait_until
from trading.application.submit_trade import NewTrade, cancel_trade, submit_trade
from trading.domain.account import TradingAccount
from trading.domain.commands import HoldSettlement, ResumeSettlement
from trading.domain.events import OrderType, Side

pytestmark = [pytest.mark.chaos, pytest.mark.usefixtures("clean_database")]

#: Every saga crash point at its first pass, in `make chaos` at its second too. The settlement saga has no effects.
KILLS = [
    (name, count)
    for count in (1, 2)[: chaos.times(1)]
    for name in CRASH_POINTS
    if name.startswith("saga.") and "effect" not in name
]


def submit_random_trade(chance: Random, account_id: UUID) -> UUID:
    """Submit a trade that is filled completely, filled and cancelled, or held and resumed."""
    new_trade = NewTrade(account_id, "XETRA/SAP", Side.BUY, OrderType.LIMIT, Decimal(2), Decimal("10.00"))
    trade_id = submit_trade(new_trade, actor="ada", command_id=new_id()).aggregate_id
    fill_trade(trade_id, "1", "10.00", "v1")
    match chance.choice(("whole", "rest taken back", "held")):
        case "rest taken back":
            cancel_trade(trade_id, "too slow", actor="ada", command_id=new_id())
        case "held":
            fill_trade(trade_id, "1", "9.98", "v2")
            send(HoldSettlement(trade_id, "papers missing"))
            send(ResumeSettlement(trade_id, "papers came"))
        case _:
            fill_trade(trade_id, "1", "9.98", "v2")
    return trade_id


def make_timers_due() -> None:
    now = timezone.now()
    Timer.objects.filter(fired_at=None).update(due_at=now, looked_at_from=now)


def all_ended(trades: list[UUID]) -> bool:
    make_timers_due()
    return Saga.objects.filter(subject_id__in=trades, status="ended").count() == len(trades)


def start_worker(database_url: str, crash_at: str) -> subprocess.Popen[bytes]:
    environment = os.environ | {"DATABASE_URL": database_url, "CRASH_AT": crash_at}
    command = [sys.executable, "manage.py", "run_sagas"]
    return subprocess.Popen(
        command, cwd=BASE_DIR, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def test_every_executed_trade_settles_exactly_once_whoever_is_killed(database_url: str) -> None:
    chance, trades, killed = chaos.random_for("settlement"), list[UUID](), 0
    account_id = open_account(None, "Euros", currency="EUR")
    for point, count in KILLS:
        trades += [submit_random_trade(chance, account_id) for _ in range(3)]
        expire_leases_and_delays()
        process = start_worker(database_url, f"{point}:{count}")
        try:
            wait_until(partial(is_dead_or_finished, process, trades), seen=process.poll)
            killed += process.poll() == -signal.SIGKILL
        finally:
            process.kill()
            process.wait()
    assert killed >= len(KILLS) // 2, killed
    wait_until(partial(finish_here, trades), seen=lambda: list(Saga.objects.exclude(status="ended").values()))
    for trade_id in trades:
        counts = Counter(event.meta.event_type for event in store.get_events(trade_id))
        assert counts["TradeSettled"] == 1, counts
    events = [event.event for event in store.get_events(account_id)]
    kinds = Counter(type(event).__name__ for event in events)
    assert kinds["AmountFrozen"] == kinds["AmountReleased"] == len(trades)
    assert TradingAccount().evolve_all(events).amount_in_use() == 0


def is_dead_or_finished(process: subprocess.Popen[bytes], trades: list[UUID]) -> bool:
    return process.poll() is not None or all_ended(trades)


def finish_here(trades: list[UUID]) -> bool:
    """Finish in this process what the killed workers left; expire their leases instead of waiting."""
    expire_leases_and_delays()
    workers.run_until_idle("last")
    return all_ended(trades)
