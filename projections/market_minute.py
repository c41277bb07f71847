"""Volume, turnover, average price, low and high of each instrument per minute of venue time (UTC).

Both sides of a trade may be ours: then two fills have one number of the venue, and the trade counts once. What was
bought and sold under each number and price is kept beside the row, so that it is the same for every order of arrival.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final, NamedTuple, TypeAlias

import msgspec

from eventshop.core.decimal_math import ZERO, add, divide, format_plain, multiply, subtract
from eventshop.core.messages import Meta
from eventshop.projections.projection import Projection
from eventshop.projections.row_details import RowDetails
from projections.models import MarketMinute, MarketMinuteTrade
from trading.domain.events import Deal, Fill, Side, TradeBusted, TradeCorrected, TradeExecuted

market_minute = Projection(MarketMinute, topic="market-minute-projection", version=3, details=MarketMinuteTrade)

MINUTE: Final = timedelta(minutes=1)
#: The attribute of a row with the changes of this batch.
_CHANGES: Final = "minute_changes"

#: By price: the quantities bought and sold under one number of the venue.
Prices: TypeAlias = dict[str, tuple[Decimal, Decimal]]
_prices_decoder: Final = msgspec.json.Decoder(dict[str, tuple[Decimal, Decimal]])


class Change(NamedTuple):
    """More or less was bought or sold at a price; `before` links the changes of a batch, so that none is copied."""

    number: str
    price: Decimal
    side: Side
    quantity: Decimal
    before: Change | None


class Counted(NamedTuple):
    """What one number of the venue adds to the minute: the side on which more was traded, at its prices."""

    volume: Decimal
    notional: Decimal
    prices: list[Decimal]


_NOTHING: Final = Counted(ZERO, ZERO, [])


def _start_of_minute(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(second=0, microsecond=0)


def _minute_keys(deal: Deal, fills: Iterable[Fill]) -> list[tuple[str, datetime]]:
    moments = dict.fromkeys(fill.at for fill in fills)  # A sweep through the book has one time for all its fills.
    return [(deal.instrument, minute) for minute in dict.fromkeys(map(_start_of_minute, moments))]


@market_minute.on(TradeExecuted, key=lambda event: _minute_keys(event.deal, event.fills))
def executed(row: MarketMinute, event: TradeExecuted, meta: Meta) -> None:
    _note_fills(row, event.deal, more=event.fills)


@market_minute.on(TradeCorrected, key=lambda event: _minute_keys(event.deal, (event.was, event.now)))
def corrected(row: MarketMinute, event: TradeCorrected, meta: Meta) -> None:
    _note_fills(row, event.deal, more=(event.now,), less=(event.was,))


@market_minute.on(TradeBusted, key=lambda event: _minute_keys(event.deal, (event.was,)))
def busted(row: MarketMinute, event: TradeBusted, meta: Meta) -> None:
    _note_fills(row, event.deal, less=(event.was,))


def _note_fills(row: MarketMinute, deal: Deal, *, more: Iterable[Fill] = (), less: Iterable[Fill] = ()) -> None:
    """Note the fills that belong to this row's minute; other fills are ignored."""
    row.currency = deal.currency
    begins, ends, newest = row.minute, row.minute + MINUTE, row.__dict__.get(_CHANGES)
    for fills, removed in ((less, True), (more, False)):
        for fill in fills:
            if begins <= fill.at < ends:
                quantity = subtract(ZERO, fill.quantity) if removed else fill.quantity
                newest = Change(fill.venue_trade_id, fill.price, deal.side, quantity, newest)
    row.__dict__[_CHANGES] = newest


def _changed_numbers(row: MarketMinute) -> set[str]:
    numbers, change = set[str](), row.__dict__.get(_CHANGES)
    while change is not None:
        numbers.add(change.number)
        change = change.before
    return numbers


@market_minute.derive_with_details(reads=_changed_numbers)
def sums(row: MarketMinute, details: RowDetails) -> None:
    """What is counted after the changes of the batch: only their numbers are counted anew."""
    changes = _sum_changes(row.__dict__.pop(_CHANGES, None))
    stored, gone = details.get(changes), set[Decimal]()
    for number, by_price in changes.items():
        known = _prices_decoder.decode(stored[number]) if number in stored else {}
        prices = _changed(known, by_price)
        before, after = _count(known), _count(prices)
        details.put(number, msgspec.json.encode(prices, order="deterministic").decode() if prices else None)
        row.trades += bool(after.volume) - bool(before.volume)
        row.volume = add(subtract(row.volume, before.volume), after.volume)
        row.notional = add(subtract(row.notional, before.notional), after.notional)
        gone.update(set(before.prices) - set(after.prices))
        _widen(row, after.prices)
    if gone & {row.low, row.high}:
        row.low = row.high = None
        for encoded in details.get_all().values():
            _widen(row, _count(_prices_decoder.decode(encoded)).prices)
    row.vwap = divide(row.notional, row.volume, decimals=10) if row.volume else None


def _sum_changes(change: Change | None) -> dict[str, Prices]:
    sums: dict[str, Prices] = {}
    while change is not None:
        prices, price = sums.setdefault(change.number, {}), format_plain(change.price)
        bought, sold = prices.get(price, (ZERO, ZERO))
        if change.side is Side.BUY:
            bought = add(bought, change.quantity)
        else:
            sold = add(sold, change.quantity)
        prices[price] = bought, sold
        change = change.before
    return sums


def _changed(prices: Prices, changes: Prices) -> Prices:
    """The sums after these changes, without trailing zeros: the same sums give the same text, whatever led to them."""
    after = dict(prices)
    for price, change in changes.items():
        sums = (add(*pair) for pair in zip(prices.get(price, (ZERO, ZERO)), change, strict=True))
        bought, sold = (Decimal(format_plain(total)) for total in sums)
        after[price] = bought, sold
        if not bought and not sold:
            del after[price]
    return after


def _count(prices: Prices) -> Counted:
    """The side with the larger quantity counts; of two equal ones, that with the larger notional."""
    if len(prices) <= 1:  # nearly all numbers have one price
        for price, quantities in prices.items():
            volume = max(quantities)
            return Counted(volume, multiply(Decimal(price), volume), [Decimal(price)])
        return _NOTHING
    sides = []
    for side in (0, 1):
        volume = notional = ZERO
        for price, quantities in prices.items():
            volume = add(volume, quantities[side])
            notional = add(notional, multiply(Decimal(price), quantities[side]))
        sides.append(Counted(volume, notional, [Decimal(price) for price in prices if prices[price][side]]))
    return max(sides, key=lambda counted: (counted.volume, counted.notional))


def _widen(row: MarketMinute, prices: Iterable[Decimal]) -> None:
    for price in prices:
        row.low = price if row.low is None else min(row.low, price)
        row.high = price if row.high is None else max(row.high, price)
