"""The position of each account in each instrument: quantity, cost and realised result by both methods of cost.

The fills of a position come from many trades and therefore arrive in any order. The row keeps them in a ledger in the
order of the venue's times, from which cost and result follow (decision 179).
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final
from uuid import UUID

from eventshop.core.decimal_math import ZERO, add, divide, subtract
from eventshop.core.messages import Meta
from eventshop.projections.projection import Projection, latest
from projections.models import Position
from projections.position_ledger import Entry, place_of, update_ledger
from trading.domain.cost_basis import RESULT_DECIMALS, CostBasis
from trading.domain.events import Deal, Fill, Side, TradeBusted, TradeCorrected, TradeExecuted

position = Projection(Position, topic="position-projection", version=2)

#: The attribute of a row with the changes of its ledger in this batch.
_CHANGES: Final = "ledger_changes"


def _position_key(event: TradeExecuted | TradeCorrected | TradeBusted) -> tuple[UUID, str]:
    return event.deal.account_id, event.deal.instrument


@position.on(TradeExecuted, key=_position_key)
def executed(row: Position, event: TradeExecuted, meta: Meta) -> None:
    _apply_fills(row, event.deal, meta, more=event.fills)


@position.on(TradeCorrected, key=_position_key)
def corrected(row: Position, event: TradeCorrected, meta: Meta) -> None:
    _apply_fills(row, event.deal, meta, more=(event.now,), less=(event.was,))


@position.on(TradeBusted, key=_position_key)
def busted(row: Position, event: TradeBusted, meta: Meta) -> None:
    _apply_fills(row, event.deal, meta, less=(event.was,))


def _apply_fills(
    row: Position, deal: Deal, meta: Meta, *, more: tuple[Fill, ...] = (), less: tuple[Fill, ...] = ()
) -> None:
    row.currency, row.updated_at = deal.currency, latest(row.updated_at, meta.occurred_at)
    for fill in less:
        _move(row, deal, fill, subtract(ZERO, fill.quantity), subtract(ZERO, fill.notional))
    for fill in more:
        _move(row, deal, fill, fill.quantity, fill.notional)
    row.quantity = subtract(row.bought, row.sold)


def _move(row: Position, deal: Deal, fill: Fill, quantity: Decimal, value: Decimal) -> None:
    if deal.side is Side.BUY:
        row.bought, row.bought_notional = add(row.bought, quantity), add(row.bought_notional, value)
    else:
        row.sold, row.sold_notional = add(row.sold, quantity), add(row.sold_notional, value)
    place = place_of(fill.at, 1 if deal.side is Side.BUY else -1)
    row.__dict__[_CHANGES] = Entry(place, quantity, value, row.__dict__.get(_CHANGES))


@position.derive
def results(row: Position) -> None:
    """The ledger with the changes of the batch, and what follows from it."""
    row.ledger, row.results, after = update_ledger(row.ledger, row.results, row.__dict__.pop(_CHANGES, None))
    row.realised, row.open_cost, row.average_cost = _columns(after.average)
    row.fifo_realised, row.fifo_open_cost, row.fifo_average_cost = _columns(after.fifo)


def _columns(basis: CostBasis) -> tuple[Decimal, Decimal, Decimal | None]:
    """The realised result, the cost of what is open, and this cost for one piece."""
    cost = subtract(ZERO, basis.open_cash)
    per_piece = divide(cost, basis.quantity, decimals=RESULT_DECIMALS) if basis.quantity else None
    return basis.realised, cost, per_piece
