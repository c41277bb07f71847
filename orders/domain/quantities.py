"""Quantities by product: sums over order lines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeAlias

from orders.domain.events import Line, LineAmount

#: Units by SKU. A product with no units has no entry.
Quantities: TypeAlias = Mapping[str, int]


def ordered_quantities(lines: Iterable[Line]) -> dict[str, int]:
    """The quantity ordered of each product: two lines of one product are reserved together."""
    return _sum_by_sku((line.sku, line.quantity) for line in lines if line.kind == "product")


def returned_quantities(lines: Iterable[LineAmount]) -> dict[str, int]:
    """The quantity returned of each product."""
    return _sum_by_sku((line.sku, line.quantity) for line in lines if line.kind == "product")


def _sum_by_sku(quantities: Iterable[tuple[str, int]]) -> dict[str, int]:
    sums: dict[str, int] = {}
    for sku, quantity in quantities:
        sums[sku] = sums.get(sku, 0) + quantity
    return sums


def subtract_quantities(quantities: Quantities, subtracted: Quantities) -> dict[str, int]:
    """The quantities that remain. A product of which nothing remains has no entry."""
    remaining = {sku: quantity - subtracted.get(sku, 0) for sku, quantity in quantities.items()}
    return {sku: quantity for sku, quantity in remaining.items() if quantity > 0}
