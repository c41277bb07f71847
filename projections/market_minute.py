"""Volume, turnover, average price, low and high of each instrument per minute of venue time (UTC)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

import msgspec

from eventshop.core.decimal_math import add, divide, format_plain, subtract
from eventshop.core.messages import Meta
from eventshop.projections.projection import Projection
from projections.models import MarketMinute
from trading.domain.events import Deal, Fill, TradeBusted, TradeCorrected, TradeExecuted

market_minute = Projection(MarketMinute, topic="market-minute-projection", version=1)

MINUTE: Final = timedelta(minutes=1)
_levels_decoder = msgspec.json.Decoder(dict[str, int])


def _start_of_minute(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(second=0, microsecond=0)


def _minute_keys(deal: Deal, fills: Iterable[Fill]) -> list[tuple[str, datetime]]:
    moments = dict.fromkeys(fill.at for fill in fills)  # A sweep through the book has one time for all its fills.
    return [(deal.instrument, minute) for minute in dict.fromkeys(map(_start_of_minute, moments))]


@market_minute.on(TradeExecuted, key=lambda event: _minute_keys(event.deal, event.fills))
def executed(row: MarketMinute, event: TradeExecuted, meta: Meta) -> None:
    _apply_fills(row, event.deal, more=event.fills)


@market_minute.on(TradeCorrected, key=lambda event: _minute_keys(event.deal, (event.was, event.now)))
def corrected(row: MarketMinute, event: TradeCorrected, meta: Meta) -> None:
    _apply_fills(row, event.deal, more=(event.now,), less=(event.was,))


@market_minute.on(TradeBusted, key=lambda event: _minute_keys(event.deal, (event.was,)))
def busted(row: MarketMinute, event: TradeBusted, meta: Meta) -> None:
    _apply_fills(row, event.deal, less=(event.was,))


def _apply_fills(row: MarketMinute, deal: Deal, *, more: Iterable[Fill] = (), less: Iterable[Fill] = ()) -> None:
    """Add or remove the fills that belong to this row's minute; other fills are ignored."""
    row.currency, levels = deal.currency, _levels_decoder.decode(row.levels)
    begins, ends = row.minute, row.minute + MINUTE
    for fill in more:
        if begins <= fill.at < ends:
            row.trades += 1
            row.volume, row.notional = add(row.volume, fill.quantity), add(row.notional, fill.notional)
            _count_price(levels, fill.price, 1)
            row.low = fill.price if row.low is None else min(row.low, fill.price)
            row.high = fill.price if row.high is None else max(row.high, fill.price)
    for fill in less:
        if begins <= fill.at < ends:
            row.trades -= 1
            row.volume, row.notional = subtract(row.volume, fill.quantity), subtract(row.notional, fill.notional)
            _count_price(levels, fill.price, -1)
            prices = [Decimal(price) for price in levels]
            row.low, row.high = min(prices, default=None), max(prices, default=None)
    row.levels = msgspec.json.encode(levels, order="sorted").decode()
    row.vwap = divide(row.notional, row.volume, decimals=10) if row.volume else None


def _count_price(levels: dict[str, int], price: Decimal, change: int) -> None:
    text = format_plain(price)
    levels[text] = levels.get(text, 0) + change
    if not levels[text]:
        del levels[text]
