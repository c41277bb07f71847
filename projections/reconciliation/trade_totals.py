"""The control totals of a file of public trades, computed from the read models."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from msgspec import Struct

from eventshop.core.decimal_math import ZERO, add, divide, subtract
from projections.models import MarketMinute, TradeBlotter
from projections.reconciliation.control_totals import digest


class InstrumentTotals(Struct):
    """Totals of one instrument, or of one symbol on all its markets."""

    trades: int = 0
    volume: Decimal = ZERO
    notional: Decimal = ZERO
    bought: Decimal = ZERO
    sold: Decimal = ZERO
    low: Decimal | None = None
    high: Decimal | None = None

    def add_minute(self, row: MarketMinute) -> None:
        self.trades += row.trades
        self.volume, self.notional = add(self.volume, row.volume), add(self.notional, row.notional)
        if row.low is not None and row.high is not None:
            self.low = row.low if self.low is None else min(self.low, row.low)
            self.high = row.high if self.high is None else max(self.high, row.high)

    def add_taker_quantity(self, side: str, executed: Decimal) -> None:
        if side == "BUY":
            self.bought = add(self.bought, executed)
        else:
            self.sold = add(self.sold, executed)

    def totals(self) -> dict[str, Any]:
        return {
            "trades": self.trades,
            "volume": self.volume,
            "notional": self.notional,
            "vwap": divide(self.notional, self.volume, decimals=10) if self.volume else None,
            "taker_buy": self.bought,
            "taker_sell": self.sold,
            "taker_net": subtract(self.bought, self.sold),
            "low": self.low,
            "high": self.high,
        }


def trade_totals() -> dict[str, Any]:
    """Every total that the read models have, by its path in the file of totals."""
    minutes = list(MarketMinute.objects.filter(trades__gt=0))
    instruments = _sum_by_name(minutes)
    answers = {f"{name}.{field}": value for name, sums in instruments.items() for field, value in sums.totals().items()}
    answers |= {f"by_minute.{_minute_key(row)}": [row.trades, row.volume, row.vwap] for row in minutes}
    return answers | {
        "rows": sum(row.trades for row in minutes),
        "minutes": len(minutes),
        "digest_minute_vwap": digest({_minute_key(row): f"{row.vwap:.10f}" for row in minutes}),
        "digest_minute_volume": digest({_minute_key(row): f"{row.volume:.8f}" for row in minutes}),
    }


def _minute_key(row: MarketMinute) -> str:
    return f"{row.instrument}/{row.minute:%Y-%m-%dT%H:%MZ}"


def _sum_by_name(minutes: Iterable[MarketMinute]) -> dict[str, InstrumentTotals]:
    """Sum up by total name: one per instrument, one per symbol."""
    totals_by_name: dict[str, InstrumentTotals] = {}
    for row in minutes:
        for name in _total_names(row.instrument):
            totals_by_name.setdefault(name, InstrumentTotals()).add_minute(row)
    trades = TradeBlotter.objects.filter(fills__gt=0).values_list("instrument", "side", "executed")
    for instrument, side, executed in trades.iterator():
        for name in _total_names(instrument):
            totals_by_name.setdefault(name, InstrumentTotals()).add_taker_quantity(side, executed)
    return totals_by_name


def _total_names(instrument: str) -> tuple[str, str]:
    return f"by_market_symbol.{instrument}", f"by_symbol.{instrument.partition('/')[2]}"
