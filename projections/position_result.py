"""The result of a position as its account wants it: by its method of cost, and against the mark price."""

from __future__ import annotations

from decimal import Decimal
from typing import Final, NamedTuple
from uuid import UUID

from django.db.models import OuterRef, Subquery

from eventshop.core.decimal_math import ZERO, subtract
from projections.models import MarketMinute, Position, TradingAccount
from trading.domain.contract_value import value_of
from trading.domain.cost_basis import CostMethod
from trading.domain.events import Contract

#: The average price of the latest minute with a trade in the position's instrument: what the position is valued at.
MARK_PRICE: Final = Subquery(
    MarketMinute.objects.filter(instrument=OuterRef("instrument"), vwap__isnull=False)
    .order_by("-minute")
    .values("vwap")[:1]
)
METHOD_LABELS: Final = {CostMethod.AVERAGE: "Average cost", CostMethod.FIFO: "First in, first out"}


class PositionResult(NamedTuple):
    """Cost and results by one method, `net` less the fees. `value` and `unrealised` are None without a mark price."""

    method: CostMethod
    average_cost: Decimal | None
    open_cost: Decimal
    realised: Decimal
    fees: Decimal
    net: Decimal
    value: Decimal | None
    unrealised: Decimal | None


def position_result(row: Position, method: CostMethod, mark_price: Decimal | None) -> PositionResult:
    fifo = method is CostMethod.FIFO
    cost = row.fifo_open_cost if fifo else row.open_cost
    value = None if mark_price is None else _value(row, mark_price)
    unrealised = None if value is None else subtract(value, cost)
    average, realised = (row.fifo_average_cost, row.fifo_realised) if fifo else (row.average_cost, row.realised)
    net = subtract(realised, row.fees)
    return PositionResult(method, average, cost, realised, row.fees, net, value, unrealised)


def _value(row: Position, price: Decimal) -> Decimal:
    """What is held is worth at a price, in the sense of `open_cost`: what is worth fixed dollars is owed in coin."""
    contract = Contract(row.multiplier, row.inverse, row.currency)
    value = value_of(contract, row.quantity, price)
    return subtract(ZERO, value) if row.inverse else value


def cost_method_of(account_id: UUID) -> CostMethod:
    """The method of an account; average cost as long as it has no row."""
    methods = TradingAccount.objects.filter(pk=account_id).values_list("cost_method", flat=True)
    return CostMethod(methods.first() or CostMethod.AVERAGE)
