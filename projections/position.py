"""The position of each account in each instrument: quantity, average cost and realised result.

The fills of a position come from many trades and therefore arrive in any order. A moving average would depend on that
order; sums of all buys and all sells do not, and a correction removes its error from them completely (decision 54).
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final
from uuid import UUID

from eventshop.core.decimal_math import ZERO, add, divide, multiply, subtract
from eventshop.core.messages import Meta
from eventshop.projections.projection import Projection, latest
from projections.models import Position
from trading.domain.events import Deal, Side, TradeBusted, TradeCorrected, TradeExecuted, notional, volume

#: Decimals of averages and results: two more than any venue quotes.
DECIMALS: Final = 10

position = Projection(Position, topic="position-projection", version=1)


def _position_key(event: TradeExecuted | TradeCorrected | TradeBusted) -> tuple[UUID, str]:
    return event.deal.account_id, event.deal.instrument


@position.on(TradeExecuted, key=_position_key)
def executed(row: Position, event: TradeExecuted, meta: Meta) -> None:
    _apply_fills(row, event.deal, volume(event.fills), notional(event.fills), meta)


@position.on(TradeCorrected, key=_position_key)
def corrected(row: Position, event: TradeCorrected, meta: Meta) -> None:
    quantity = subtract(event.now.quantity, event.was.quantity)
    _apply_fills(row, event.deal, quantity, subtract(event.now.notional, event.was.notional), meta)


@position.on(TradeBusted, key=_position_key)
def busted(row: Position, event: TradeBusted, meta: Meta) -> None:
    _apply_fills(row, event.deal, subtract(ZERO, event.was.quantity), subtract(ZERO, event.was.notional), meta)


def _apply_fills(row: Position, deal: Deal, quantity: Decimal, worth: Decimal, meta: Meta) -> None:
    row.currency, row.updated_at = deal.currency, latest(row.updated_at, meta.occurred_at)
    if deal.side is Side.BUY:
        row.bought, row.bought_notional = add(row.bought, quantity), add(row.bought_notional, worth)
    else:
        row.sold, row.sold_notional = add(row.sold, quantity), add(row.sold_notional, worth)
    row.quantity = subtract(row.bought, row.sold)
    row.average_cost = _average_cost(row)
    row.realised = _realised_result(row)


def _average_cost(row: Position) -> Decimal | None:
    if not row.quantity:
        return None
    if row.quantity > 0:
        return divide(row.bought_notional, row.bought, decimals=DECIMALS)
    return divide(row.sold_notional, row.sold, decimals=DECIMALS)


def _realised_result(row: Position) -> Decimal:
    """The result on the quantity that was both bought and sold: average sale less average purchase."""
    if not (matched := min(row.bought, row.sold)):
        return ZERO
    earned = divide(multiply(row.sold_notional, matched), row.sold, decimals=DECIMALS)
    return subtract(earned, divide(multiply(row.bought_notional, matched), row.bought, decimals=DECIMALS))
