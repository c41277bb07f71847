"""Measurements of one trade with many fills."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from time import perf_counter, process_time, sleep
from uuid import UUID

from eventshop.core.message_registry import registry
from eventshop.core.messages import Envelope, new_id
from eventshop.eventstore import aggregate_cache
from eventshop.eventstore.backends.protocol import backend
from eventshop.eventstore.command_dispatcher import send, send_many
from eventshop.eventstore.command_execution import load_aggregate
from eventshop.eventstore.snapshots import repository
from trading.application.instruments import get_instrument
from trading.domain.commands import ExecuteTrade, HoldSettlement, ResumeSettlement, SubmitTrade
from trading.domain.events import Fill, OrderType, Side
from trading.domain.trade import Trade

CODE = "BINANCE_SPOT/BTCUSDT"


def fill_trade(*, pace: int, seconds: float) -> dict[str, float]:
    """Milliseconds from a fill's command to its receipt, at `pace` fills per second one after the other."""
    trade_id, count = _submit_trade(), int(pace * seconds)
    taken_ms, started = list[float](), perf_counter()
    for number in range(count):
        sleep(max(0.0, started + number / pace - perf_counter()))
        start = perf_counter()
        send(_fill(trade_id, number))
        taken_ms.append((perf_counter() - start) * 1_000)
    pace_kept = count / (perf_counter() - started)
    taken_ms.sort()
    return {"p50": taken_ms[count // 2], "p99": taken_ms[int(count * 0.99)], "pace": pace_kept}


def load_long_trade(*, fills: int) -> dict[str, float]:
    """Milliseconds of a command on a trade with many fills that is not cached, and of loading the trade.

    First from all events, then from the snapshot that the periodic job takes; the best of five, because the machine
    may have other load.
    """
    trade_id = _submit_trade()
    for start in range(0, fills, 500):
        send_many((_fill(trade_id, number), Envelope(new_id())) for number in range(start, min(start + 500, fills)))
    replayed_ms, load_all_ms = _best_command_ms(trade_id), _best_load_ms(trade_id)
    start_s = perf_counter()
    if not repository.take_snapshot(trade_id):
        raise RuntimeError("the trade has no snapshot")
    taken_ms = (perf_counter() - start_s) * 1_000
    command_ms, load_snapshot_ms = _best_command_ms(trade_id), _best_load_ms(trade_id)
    return {
        "replayed_ms": replayed_ms,
        "whole_ms": load_all_ms,
        "ms": command_ms,
        "load_ms": load_snapshot_ms,
        "taken_ms": taken_ms,
    }


def _best_command_ms(trade_id: UUID) -> float:
    """The time of a command that adds one event; the best of five."""
    taken_s = []
    for number in range(5):
        aggregate_cache.evict(Trade, trade_id)
        command = (HoldSettlement, ResumeSettlement)[number % 2](trade_id, "papers missing")
        start_s = perf_counter()
        send(command)
        taken_s.append(perf_counter() - start_s)
    return min(taken_s) * 1_000


def _best_load_ms(trade_id: UUID) -> float:
    """The processor time of loading alone; the best of five."""
    taken_s = []
    for _ in range(5):
        start_s = process_time()
        _, past = backend().load_history(trade_id, UUID(int=0))
        load_aggregate(Trade, trade_id, past, registry)
        taken_s.append(process_time() - start_s)
    return min(taken_s) * 1_000


def _submit_trade() -> UUID:
    trade_id = new_id()
    terms = get_instrument(CODE)
    send(SubmitTrade(trade_id, "bench", trade_id, terms, Side.BUY, OrderType.MARKET, Decimal(1_000_000)))
    return trade_id


def _fill(trade_id: UUID, number: int) -> ExecuteTrade:
    return ExecuteTrade(trade_id, (Fill(str(number), Decimal("61837.63"), Decimal("0.5"), datetime.now(UTC)),))
