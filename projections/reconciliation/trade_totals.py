"""The control totals of a file of public trades, answered by the read models."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from msgspec import Struct

from eventshop.core.decimal_math import ZERO, minus, plus, ratio
from projections.models import MarketMinute, TradeBlotter
from projections.reconciliation.control_totals import digest


class Summed(Struct):
    """What was traded in one instrument, or in one symbol on all its markets."""

    trades: int = 0
    volume: Decimal = ZERO
    notional: Decimal = ZERO
    bought: Decimal = ZERO
    sold: Decimal = ZERO
    low: Decimal | None = None
    high: Decimal | None = None

    def minute(self, row: MarketMinute) -> None:
        self.trades += row.trades
        self.volume, self.notional = plus(self.volume, row.volume), plus(self.notional, row.notional)
        if row.low is not None and row.high is not None:
            self.low = row.low if self.low is None else min(self.low, row.low)
            self.high = row.high if self.high is None else max(self.high, row.high)

    def taken(self, side: str, executed: Decimal) -> None:
        if side == "BUY":
            self.bought = plus(self.bought, executed)
        else:
            self.sold = plus(self.sold, executed)

    def totals(self) -> dict[str, Any]:
        return {
            "trades": self.trades,
            "volume": self.volume,
            "notional": self.notional,
            "vwap": ratio(self.notional, self.volume, decimals=10) if self.volume else None,
            "taker_buy": self.bought,
            "taker_sell": self.sold,
            "taker_net": minus(self.bought, self.sold),
            "low": self.low,
            "high": self.high,
        }


def trade_totals() -> dict[str, Any]:
    """Every total the read models can answer, under its path in the file of totals."""
    minutes = list(MarketMinute.objects.defer("levels").filter(trades__gt=0))
    found = _summed(minutes)
    answers = {f"{name}.{field}": value for name, sums in found.items() for field, value in sums.totals().items()}
    answers |= {f"by_minute.{_key(row)}": [row.trades, row.volume, row.vwap] for row in minutes}
    return answers | {
        "rows": sum(row.trades for row in minutes),
        "minutes": len(minutes),
        "digest_minute_vwap": digest({_key(row): f"{row.vwap:.10f}" for row in minutes}),
        "digest_minute_volume": digest({_key(row): f"{row.volume:.8f}" for row in minutes}),
    }


def _key(row: MarketMinute) -> str:
    return f"{row.instrument}/{row.minute:%Y-%m-%dT%H:%MZ}"


def _summed(minutes: Iterable[MarketMinute]) -> dict[str, Summed]:
    """By the names that the totals have: each instrument, and each symbol."""
    found: dict[str, Summed] = {}
    for row in minutes:
        for name in _names(row.instrument):
            found.setdefault(name, Summed()).minute(row)
    taken = TradeBlotter.objects.filter(fills__gt=0).values_list("instrument", "side", "executed")
    for instrument, side, executed in taken.iterator():
        for name in _names(instrument):
            found.setdefault(name, Summed()).taken(side, executed)
    return found


def _names(instrument: str) -> tuple[str, str]:
    return f"by_market_symbol.{instrument}", f"by_symbol.{instrument.partition('/')[2]}"
