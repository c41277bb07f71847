"""A line of an order as the order remembers it: what was sold, and how much of it came back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from eventshop.core.money import Money
from orders.domain.events import Line, LineAmount


class SoldLine(Struct, frozen=True):
    line: int
    sku: str
    quantity: int
    price: Money
    returned: int = 0

    @property
    def left(self) -> int:
        """Pieces the customer still has."""
        return self.quantity - self.returned

    def pieces(self, quantity: int) -> LineAmount:
        """Some pieces of this line and what they cost together."""
        return LineAmount(line=self.line, sku=self.sku, quantity=quantity, amount=self.price * quantity)


SoldLines: TypeAlias = tuple[SoldLine, ...]


def numbered(lines: Iterable[Line]) -> SoldLines:
    return tuple(
        SoldLine(line=number, sku=line.sku, quantity=line.quantity, price=line.price)
        for number, line in enumerate(lines, start=1)
    )


def kept(lines: SoldLines) -> tuple[LineAmount, ...]:
    """What was sold and has not come back."""
    return tuple(line.pieces(line.left) for line in lines if line.left)


def less(lines: SoldLines, returned: Iterable[LineAmount]) -> SoldLines:
    """The lines after some pieces came back."""
    pieces = {line.line: line.quantity for line in returned}
    return tuple(replace(line, returned=line.returned + pieces.get(line.line, 0)) for line in lines)
