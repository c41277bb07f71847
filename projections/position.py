"""What each account holds of each instrument, at which cost, and what it has earned.

Fills of one position come from many trades, and so in any order. A moving average would depend on it; sums of all buys
and all sells do not, and a correction takes its error out of them without a trace (decision 54).
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final
from uuid import UUID

from eventshop.core.decimal_math import ZERO, minus, plus, ratio, times
from eventshop.core.messages import Meta
from eventshop.projections.projection import Projection, catalogue, latest
from projections.models import Position
from trading.domain.events import Deal, Side, TradeBusted, TradeCorrected, TradeExecuted, notional, volume

#: Of averages and results: two more than any venue quotes.
DECIMALS: Final = 10

position = Projection(Position, topic="position-projection", version=1)
catalogue.add(position)


def _key(event: TradeExecuted | TradeCorrected | TradeBusted) -> tuple[UUID, str]:
    return event.deal.account_id, event.deal.instrument


@position.on(TradeExecuted, key=_key)
def executed(row: Position, event: TradeExecuted, meta: Meta) -> None:
    _moved(row, event.deal, volume(event.fills), notional(event.fills), meta)


@position.on(TradeCorrected, key=_key)
def corrected(row: Position, event: TradeCorrected, meta: Meta) -> None:
    quantity = minus(event.now.quantity, event.was.quantity)
    _moved(row, event.deal, quantity, minus(event.now.notional, event.was.notional), meta)


@position.on(TradeBusted, key=_key)
def busted(row: Position, event: TradeBusted, meta: Meta) -> None:
    _moved(row, event.deal, minus(ZERO, event.was.quantity), minus(ZERO, event.was.notional), meta)


def _moved(row: Position, deal: Deal, quantity: Decimal, worth: Decimal, meta: Meta) -> None:
    row.currency, row.updated_at = deal.currency, latest(row.updated_at, meta.occurred_at)
    if deal.side is Side.BUY:
        row.bought, row.bought_notional = plus(row.bought, quantity), plus(row.bought_notional, worth)
    else:
        row.sold, row.sold_notional = plus(row.sold, quantity), plus(row.sold_notional, worth)
    row.quantity = minus(row.bought, row.sold)
    row.average_cost = _average_cost(row)
    row.realised = _realised(row)


def _average_cost(row: Position) -> Decimal | None:
    if not row.quantity:
        return None
    if row.quantity > 0:
        return ratio(row.bought_notional, row.bought, decimals=DECIMALS)
    return ratio(row.sold_notional, row.sold, decimals=DECIMALS)


def _realised(row: Position) -> Decimal:
    """On the quantity that was both bought and sold."""
    if not (matched := min(row.bought, row.sold)):
        return ZERO
    earned = ratio(times(row.sold_notional, matched), row.sold, decimals=DECIMALS)
    return minus(earned, ratio(times(row.bought_notional, matched), row.bought, decimals=DECIMALS))
