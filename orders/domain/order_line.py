"""The order's state of one line: what was ordered, and how much of it was returned."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from eventshop.core.money import Money
from orders.domain.order_values import Line, LineAmount, LineKind


class OrderLineState(Struct, frozen=True):
    """One line of an order, as the aggregate keeps it."""

    line: int
    sku: str
    quantity: int
    price: Money
    returned: int = 0
    kind: LineKind = "product"

    @property
    def quantity_left(self) -> int:
        """The units that the customer has not returned."""
        return max(0, self.quantity - self.returned)

    def amount_of(self, quantity: int) -> LineAmount:
        """A quantity of this line and its price in total."""
        return LineAmount(line=self.line, sku=self.sku, quantity=quantity, amount=self.price * quantity, kind=self.kind)


OrderLineStates: TypeAlias = tuple[OrderLineState, ...]


def number_lines(lines: Iterable[Line], *, first: int = 1) -> OrderLineStates:
    """The lines of an order, numbered in their order."""
    return tuple(
        OrderLineState(line=number, sku=line.sku, quantity=line.quantity, price=line.price, kind=line.kind)
        for number, line in enumerate(lines, start=first)
    )


def amounts_kept(lines: OrderLineStates) -> tuple[LineAmount, ...]:
    """What was ordered and not returned, line by line."""
    return tuple(line.amount_of(line.quantity_left) for line in lines if line.quantity_left)


def amounts_ordered(lines: OrderLineStates) -> tuple[LineAmount, ...]:
    """What was ordered, line by line."""
    return tuple(line.amount_of(line.quantity) for line in lines)


def subtract_returned(lines: OrderLineStates, returned: Iterable[LineAmount], *, sign: int = 1) -> OrderLineStates:
    """The lines after a return; with `sign` -1 after its reversal."""
    quantities: dict[int, int] = {}
    for line in returned:
        quantities[line.line] = quantities.get(line.line, 0) + sign * line.quantity
    return tuple(replace(line, returned=line.returned + quantities.get(line.line, 0)) for line in lines)
