"""Demo trades of the demo customer: two accounts and a month of filled, cancelled, rejected and settled trades."""

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
from trading.application.instruments import find_listing
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
)
from trading.domain.contract_value import limit_amount, money_currency
from trading.domain.events import Fill, Instrument, OrderType, Side

TRADES: Final = 45
DAYS: Final = 30
#: For each instrument: initial price, largest move between trades in ticks, quantity unit, and sizes in units.
MARKETS: Final = {
    "XETRA/SAP": (Decimal("212.40"), 60, Decimal(1), (5, 10, 20, 25)),
    "BINANCE_SPOT/BTCUSDT": (Decimal("61837.60"), 9_000, Decimal("0.001"), (10, 25, 50, 120)),
}
ACCOUNTS: Final = {
    "EUR": (derive_id("demo-account", "EUR"), "Shares", Decimal(25_000)),
    "USDT": (derive_id("demo-account", "USDT"), "Crypto", Decimal(40_000)),
}
#: Trades that were submitted within this period are still open.
OPEN_PERIOD: Final = timedelta(hours=8)
OUTCOME_WEIGHTS: Final = {"settled": 70, "in parts": 15, "cancelled": 10, "rejected": 5}


class DemoStep(NamedTuple):
    """A command with its time and actor."""

    at: datetime
    actor: str
    command: Command


def demo_commands(now: datetime) -> list[tuple[Command, Envelope]]:
    """All demo commands up to now, trade by trade. Deterministic for each time."""
    chance, prices = Random(7), {code: price for code, (price, *_) in MARKETS.items()}  # noqa: S311  (demo data, not a secret)
    steps = list(_account_steps(now - timedelta(days=DAYS + 1)))
    minutes = DAYS * 24 * 60
    ages = [min(chance.randint(0, minutes), chance.randint(0, minutes)) for _ in range(TRADES)]  # more recent ones
    times = sorted(now - OPEN_PERIOD - timedelta(minutes=age) for age in ages)
    times += [now - timedelta(hours=3), now - timedelta(minutes=20)]
    for number, at in enumerate(times, start=1):
        code = chance.choice(list(MARKETS))
        steps += _trade_steps(chance, derive_id("demo-trade", number), find_listing(code).instrument, prices, at, now)
    return [_with_envelope(step, index) for index, step in enumerate(steps) if step.at <= now]


def _account_steps(at: datetime) -> Iterator[DemoStep]:
    for currency, (account_id, name, limit) in ACCOUNTS.items():
        yield DemoStep(at, "back office", OpenAccount(account_id, name, CUSTOMER_ID, currency, limit))
    yield DemoStep(at, "back office", SetLimit(ACCOUNTS["EUR"][0], "XETRA/SAP", Decimal(15_000)))


def _trade_steps(
    chance: Random, trade_id: UUID, instrument: Instrument, prices: dict[str, Decimal], at: datetime, now: datetime
) -> Iterator[DemoStep]:
    _, max_move, unit, sizes = MARKETS[instrument.code]
    account_id = ACCOUNTS[instrument.currency][0]
    prices[instrument.code] = price = prices[instrument.code] + instrument.tick * chance.randint(-max_move, max_move)
    quantity, outcome = (
        unit * chance.choice(sizes),
        chance.choices(list(OUTCOME_WEIGHTS), list(OUTCOME_WEIGHTS.values()))[0],
    )
    side = chance.choices((Side.BUY, Side.SELL), (6, 4))[0]
    order = SubmitTrade(
        trade_id, short_reference("T", trade_id), account_id, instrument, side, OrderType.LIMIT, quantity, price
    )
    amount = limit_amount(instrument, quantity, price)
    freeze = FreezeAmount(account_id, trade_id, instrument.code, money_currency(instrument), amount)
    yield DemoStep(at, str(CUSTOMER_ID), freeze)
    yield DemoStep(at, str(CUSTOMER_ID), order)
    yield from _outcome_steps(chance, order, outcome if now - at > OPEN_PERIOD else "open", at, now)


def _outcome_steps(chance: Random, order: SubmitTrade, outcome: str, at: datetime, now: datetime) -> Iterator[DemoStep]:
    """The steps that follow the submission; none for an open trade."""
    if outcome == "open":
        return
    trade_id, instrument, price = order.trade_id, order.instrument, order.limit_price or Decimal(0)  # all have one
    at += timedelta(seconds=chance.randint(5, 900))
    if outcome == "rejected":
        yield DemoStep(at, "desk", RejectTrade(trade_id, "outside the collar"))
    elif outcome == "cancelled":
        yield DemoStep(at, str(CUSTOMER_ID), CancelTrade(trade_id, "the market moved"))
    else:
        parts = (order.quantity,) if outcome == "settled" else _split_quantity(order)
        for number, part in enumerate(parts, start=1):
            fill = Fill(f"{trade_id.hex[:8]}-{number}", price, part, at)
            yield DemoStep(at, "venue", ExecuteTrade(trade_id, (fill,)))
            at += timedelta(minutes=chance.randint(1, 60))
    yield DemoStep(at, "settlement", ReleaseAmount(order.account_id, trade_id))
    if outcome in ("settled", "in parts"):
        due = settlement_time(instrument.calendar, at, instrument.settlement_days)
        yield DemoStep(due, "settlement", SettleTrade(trade_id, due.astimezone(UTC).date()))


def _split_quantity(order: SubmitTrade) -> tuple[Decimal, Decimal]:
    """Split the quantity of an order into two fills of whole lots."""
    lot = order.instrument.lot
    first = lot * max(1, int(order.quantity / lot) // 3)
    return first, order.quantity - first


def _with_envelope(step: DemoStep, index: int) -> tuple[Command, Envelope]:
    """Derive the command id from the position of the step, so that repeated runs send the same commands."""
    envelope = Envelope(derive_id("demo-trading-command", index), actor=step.actor, occurred_at=step.at)
    return step.command, envelope
