"""How a position came about: what was held after each trade, from the blotter."""

from __future__ import annotations

from decimal import Decimal
from typing import Final, NamedTuple

from eventshop.core.decimal_math import ZERO, minus
from projections.models import Position, TradeBlotter

#: The newest trades on one chart.
LONGEST: Final = 100


class Move(NamedTuple):
    """One trade, and what was held after it."""

    trade: TradeBlotter
    held: Decimal


def moves(position: Position) -> list[Move]:
    """The newest trades that were filled, the newest first: counted back from what is held now.

    By the time they were submitted, with errors put right, as if they had never been made.
    """
    trades = TradeBlotter.objects.filter(account_id=position.account_id, instrument=position.instrument, fills__gt=0)
    found, held = list[Move](), position.quantity
    for trade in trades.order_by("-submitted_at", "-trade_id")[:LONGEST]:
        found.append(Move(trade, held))
        held = minus(held, trade.executed if trade.side == "BUY" else minus(ZERO, trade.executed))
    return found
