"""Volume, turnover, average price, low and high of each instrument in each minute of the venue's own time (UTC)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

import msgspec

from eventshop.core.decimal_math import minus, plain, plus, ratio
from eventshop.core.messages import Meta
from eventshop.projections.projection import Projection, catalogue
from projections.models import MarketMinute
from trading.domain.events import Deal, Fill, TradeBusted, TradeCorrected, TradeExecuted

market_minute = Projection(MarketMinute, topic="market-minute-projection", version=1)
catalogue.add(market_minute)

MINUTE: Final = timedelta(minutes=1)
_levels = msgspec.json.Decoder(dict[str, int])


def _minute(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(second=0, microsecond=0)


def _keys(deal: Deal, fills: Iterable[Fill]) -> list[tuple[str, datetime]]:
    moments = dict.fromkeys(fill.at for fill in fills)  # a sweep through the book has one for all its fills
    return [(deal.instrument, minute) for minute in dict.fromkeys(map(_minute, moments))]


@market_minute.on(TradeExecuted, key=lambda event: _keys(event.deal, event.fills))
def executed(row: MarketMinute, event: TradeExecuted, meta: Meta) -> None:
    _changed(row, event.deal, more=event.fills)


@market_minute.on(TradeCorrected, key=lambda event: _keys(event.deal, (event.was, event.now)))
def corrected(row: MarketMinute, event: TradeCorrected, meta: Meta) -> None:
    _changed(row, event.deal, more=(event.now,), less=(event.was,))


@market_minute.on(TradeBusted, key=lambda event: _keys(event.deal, (event.was,)))
def busted(row: MarketMinute, event: TradeBusted, meta: Meta) -> None:
    _changed(row, event.deal, less=(event.was,))


def _changed(row: MarketMinute, deal: Deal, *, more: Iterable[Fill] = (), less: Iterable[Fill] = ()) -> None:
    """The fills of this row's minute, put in or taken out."""
    row.currency, levels = deal.currency, _levels.decode(row.levels)
    begins, ends = row.minute, row.minute + MINUTE
    for fill in more:
        if begins <= fill.at < ends:
            row.trades += 1
            row.volume, row.notional = plus(row.volume, fill.quantity), plus(row.notional, fill.notional)
            _count(levels, fill.price, 1)
            row.low = fill.price if row.low is None else min(row.low, fill.price)
            row.high = fill.price if row.high is None else max(row.high, fill.price)
    for fill in less:
        if begins <= fill.at < ends:
            row.trades -= 1
            row.volume, row.notional = minus(row.volume, fill.quantity), minus(row.notional, fill.notional)
            _count(levels, fill.price, -1)
            prices = [Decimal(price) for price in levels]
            row.low, row.high = min(prices, default=None), max(prices, default=None)
    row.levels = msgspec.json.encode(levels, order="sorted").decode()
    row.vwap = ratio(row.notional, row.volume, decimals=10) if row.volume else None


def _count(levels: dict[str, int], price: Decimal, more: int) -> None:
    text = plain(price)
    levels[text] = levels.get(text, 0) + more
    if not levels[text]:
        del levels[text]
