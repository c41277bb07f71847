"""The history of a position: the quantity held after each trade, from the blotter."""

from __future__ import annotations

from decimal import Decimal
from typing import Final, NamedTuple

from eventshop.core.decimal_math import ZERO, subtract
from projections.models import Position, TradeBlotter

#: Trades shown on one chart.
MAX_CHANGES: Final = 100


class PositionChange(NamedTuple):
    """One trade and the quantity held after it."""

    trade: TradeBlotter
    quantity_after: Decimal


def position_changes(position: Position) -> list[PositionChange]:
    """The latest filled trades, newest first; each quantity is computed backwards from the current one.

    Ordered by submission time. Corrected and busted fills appear in their corrected form.
    """
    trades = TradeBlotter.objects.filter(account_id=position.account_id, instrument=position.instrument, fills__gt=0)
    changes, quantity = list[PositionChange](), position.quantity
    for trade in trades.order_by("-submitted_at", "-trade_id")[:MAX_CHANGES]:
        changes.append(PositionChange(trade, quantity))
        quantity = subtract(quantity, trade.executed if trade.side == "BUY" else subtract(ZERO, trade.executed))
    return changes
