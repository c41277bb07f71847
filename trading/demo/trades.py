"""The demo customer's trading: two accounts, and a month of trades, filled, cancelled, rejected and settled."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Final, NamedTuple
from uuid import UUID

from eventshop.core.deterministic_ids import derive_id, short_reference
from eventshop.core.messages import Command, Envelope
from eventshop.web.pages.demo_registry import CUSTOMER_ID
from trading.domain.business_days import settlement_time
from trading.domain.commands import (
    CancelTrade,
    ExecuteTrade,
    FreezeAmount,
    OpenAccount,
    RejectTrade,
    ReleaseAmount,
    SetLimit,
    SettleTrade,
    SubmitTrade,
    rounded_notional,
)
from trading.domain.events import Fill, Instrument, OrderType, Side
from trading.domain.instruments import get_instrument

TRADES: Final = 45
DAYS: Final = 30
#: Where each instrument's price begins, and by how many ticks it moves from trade to trade at most.
MARKETS: Final = {
    "XETRA/SAP": (Decimal("212.40"), 60, Decimal(1), (5, 10, 20, 25)),
    "BINANCE_SPOT/BTCUSDT": (Decimal("61837.60"), 9_000, Decimal("0.001"), (10, 25, 50, 120)),
}
ACCOUNTS: Final = {
    "EUR": (derive_id("demo-account", "EUR"), "Shares", Decimal(25_000)),
    "USDT": (derive_id("demo-account", "USDT"), "Crypto", Decimal(40_000)),
}
#: The newest trades are still open.
OPEN_PERIOD: Final = timedelta(hours=8)
OUTCOME_WEIGHTS: Final = {"settled": 70, "in parts": 15, "cancelled": 10, "rejected": 5}


class DemoStep(NamedTuple):
    """Something somebody does at a moment."""

    at: datetime
    actor: str
    command: Command


def demo_commands(now: datetime) -> list[tuple[Command, Envelope]]:
    """All commands up to now, trade by trade; the same moment gives the same trades."""
    chance, prices = Random(7), {code: price for code, (price, *_) in MARKETS.items()}  # noqa: S311  (a shop window)
    told = list(_account_steps(now - timedelta(days=DAYS + 1)))
    minutes = DAYS * 24 * 60
    ago = [min(chance.randint(0, minutes), chance.randint(0, minutes)) for _ in range(TRADES)]  # more of them lately
    moments = sorted(now - OPEN_PERIOD - timedelta(minutes=it) for it in ago)
    moments += [now - timedelta(hours=3), now - timedelta(minutes=20)]
    for number, at in enumerate(moments, start=1):
        code = chance.choice(list(MARKETS))
        told += _trade_steps(chance, derive_id("demo-trade", number), get_instrument(code), prices, at, now)
    return [_with_envelope(step, place) for place, step in enumerate(told) if step.at <= now]


def _account_steps(at: datetime) -> Iterator[DemoStep]:
    for currency, (account_id, name, limit) in ACCOUNTS.items():
        yield DemoStep(at, "back office", OpenAccount(account_id, name, CUSTOMER_ID, currency, limit))
    yield DemoStep(at, "back office", SetLimit(ACCOUNTS["EUR"][0], "XETRA/SAP", Decimal(15_000)))


def _trade_steps(
    chance: Random, trade_id: UUID, it: Instrument, prices: dict[str, Decimal], at: datetime, now: datetime
) -> Iterator[DemoStep]:
    _, most, unit, sizes = MARKETS[it.code]
    account_id = ACCOUNTS[it.currency][0]
    prices[it.code] = price = prices[it.code] + it.tick * chance.randint(-most, most)
    quantity, fate = unit * chance.choice(sizes), chance.choices(list(OUTCOME_WEIGHTS), list(OUTCOME_WEIGHTS.values()))[0]
    side = chance.choices((Side.BUY, Side.SELL), (6, 4))[0]
    order = SubmitTrade(trade_id, short_reference("T", trade_id), account_id, it, side, OrderType.LIMIT, quantity, price)
    yield DemoStep(at, str(CUSTOMER_ID), FreezeAmount(account_id, trade_id, it.code, it.currency, rounded_notional(quantity, price)))
    yield DemoStep(at, str(CUSTOMER_ID), order)
    yield from _outcome_steps(chance, order, fate if now - at > OPEN_PERIOD else "open", at, now)


def _outcome_steps(chance: Random, order: SubmitTrade, fate: str, at: datetime, now: datetime) -> Iterator[DemoStep]:
    """What becomes of it: nothing yet, for those of the last hours."""
    if fate == "open":
        return
    trade_id, it, price = order.trade_id, order.instrument, order.limit_price or Decimal(0)  # all have one
    at += timedelta(seconds=chance.randint(5, 900))
    if fate == "rejected":
        yield DemoStep(at, "desk", RejectTrade(trade_id, "outside the collar"))
    elif fate == "cancelled":
        yield DemoStep(at, str(CUSTOMER_ID), CancelTrade(trade_id, "the market moved"))
    else:
        parts = (order.quantity,) if fate == "settled" else _split_quantity(order)
        for place, part in enumerate(parts, start=1):
            fill = Fill(f"{trade_id.hex[:8]}-{place}", price, part, at)
            yield DemoStep(at, "venue", ExecuteTrade(trade_id, (fill,)))
            at += timedelta(minutes=chance.randint(1, 60))
    yield DemoStep(at, "settlement", ReleaseAmount(order.account_id, trade_id))
    if fate in ("settled", "in parts"):
        due = settlement_time(it.calendar, at, it.settlement_days)
        yield DemoStep(due, "settlement", SettleTrade(trade_id, due.astimezone(UTC).date()))


def _split_quantity(order: SubmitTrade) -> tuple[Decimal, Decimal]:
    """Two fills of one order, both of whole lots."""
    lot = order.instrument.lot
    first = lot * max(1, int(order.quantity / lot) // 3)
    return first, order.quantity - first


def _with_envelope(step: DemoStep, place: int) -> tuple[Command, Envelope]:
    """With ids that follow from its place, so that nothing is told twice."""
    envelope = Envelope(derive_id("demo-trading-command", place), actor=step.actor, occurred_at=step.at)
    return step.command, envelope
