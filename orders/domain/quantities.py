"""How many pieces of which product: sums over lines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import TypeAlias

from orders.domain.events import Line, LineAmount

#: Pieces by product; a product of which there is none is not named.
Pieces: TypeAlias = Mapping[str, int]


def ordered(lines: Iterable[Line]) -> dict[str, int]:
    """How many of each product: two lines of one product are set aside together."""
    return _summed((line.sku, line.quantity) for line in lines)


def returned(lines: Iterable[LineAmount]) -> dict[str, int]:
    return _summed((line.sku, line.quantity) for line in lines)


def _summed(pieces: Iterable[tuple[str, int]]) -> dict[str, int]:
    found: dict[str, int] = {}
    for sku, quantity in pieces:
        found[sku] = found.get(sku, 0) + quantity
    return found


def worth(lines: Iterable[LineAmount]) -> Decimal:
    return sum((line.amount.amount for line in lines), Decimal(0))


def without(pieces: Pieces, less: Pieces) -> dict[str, int]:
    """The pieces that are left; a product of which none is left is not named."""
    left = {sku: quantity - less.get(sku, 0) for sku, quantity in pieces.items()}
    return {sku: quantity for sku, quantity in left.items() if quantity > 0}
