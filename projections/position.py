"""The position of each account in each instrument: quantity, cost and realised result by both methods of cost.

The fills of a position come from many trades and therefore arrive in any order. They are kept in a ledger in the
order of the venue's times, from which cost and result follow (decisions 179 and 263).
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final
from uuid import UUID

from eventshop.core.decimal_math import ZERO, add, divide, multiply, subtract
from eventshop.core.messages import Meta
from eventshop.projections.projection import Projection, latest
from eventshop.projections.row_details import RowDetails
from projections.models import Position, PositionPage
from projections.position_ledger import (
    Entry,
    PositionLedger,
    decode_results,
    encode_results,
    last_pages,
    place_of,
)
from trading.domain.contract_value import fill_value
from trading.domain.cost_basis import RESULT_DECIMALS, CostBasis
from trading.domain.events import Deal, Fill, Side, TradeBusted, TradeCorrected, TradeExecuted
from trading.domain.fees import fee_amount

position = Projection(Position, topic="position-projection", version=6, details=PositionPage)

#: The attribute of a row with the changes of its ledger in this batch.
_CHANGES: Final = "ledger_changes"
ONE: Final = Decimal(1)


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
    row.currency = deal.contract.currency if deal.contract else deal.currency
    row.price_currency = deal.currency
    row.multiplier, row.inverse = (deal.contract.multiplier, deal.contract.inverse) if deal.contract else (ONE, False)
    row.updated_at = latest(row.updated_at, meta.occurred_at)
    for fill in less:
        row.fees = subtract(row.fees, fee_amount(fill))
        _move(row, deal, fill, subtract(ZERO, fill.quantity), subtract(ZERO, fill_value(deal.contract, fill)))
    for fill in more:
        row.fees = add(row.fees, fee_amount(fill))
        _move(row, deal, fill, fill.quantity, fill_value(deal.contract, fill))
    row.quantity = subtract(row.bought, row.sold)


def _move(row: Position, deal: Deal, fill: Fill, quantity: Decimal, value: Decimal) -> None:
    if deal.side is Side.BUY:
        row.bought, row.bought_notional = add(row.bought, quantity), add(row.bought_notional, value)
    else:
        row.sold, row.sold_notional = add(row.sold, quantity), add(row.sold_notional, value)
    place = place_of(fill.at, is_purchase=deal.side is Side.BUY)
    if row.inverse:  # who buys what is worth a fixed amount of dollars sells coin
        value = subtract(ZERO, value)
    row.__dict__[_CHANGES] = Entry(place, quantity, value, row.__dict__.get(_CHANGES))


@position.derive_with_details(reads=lambda row: last_pages(decode_results(row.results)))
def results(row: Position, details: RowDetails) -> None:
    """The ledger with the changes of the batch, and what follows from it."""
    ledger = PositionLedger(decode_results(row.results), details)
    after = ledger.update(row.__dict__.pop(_CHANGES, None))
    row.results = encode_results(after)
    row.realised, row.open_cost, row.average_cost = _columns(row, after.average)
    row.fifo_realised, row.fifo_open_cost, row.fifo_average_cost = _columns(row, after.fifo)
    row.net_realised, row.fifo_net_realised = subtract(row.realised, row.fees), subtract(row.fifo_realised, row.fees)


def _columns(row: Position, basis: CostBasis) -> tuple[Decimal, Decimal, Decimal | None]:
    """The realised result, the cost of what is open, and the average price of it."""
    cost = subtract(ZERO, basis.open_cash)
    if not basis.quantity or (row.inverse and not cost):
        return basis.realised, cost, None
    size = multiply(basis.quantity, row.multiplier)
    parts = (size, subtract(ZERO, cost)) if row.inverse else (cost, size)
    return basis.realised, cost, divide(*parts, decimals=RESULT_DECIMALS)
