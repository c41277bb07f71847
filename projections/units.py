"""Counting pieces: freight, discounts and taxes are lines, but no pieces of anything."""

from __future__ import annotations

from collections.abc import Iterable

from orders.domain.events import Line, LineAmount


def count_units(lines: Iterable[Line | LineAmount]) -> int:
    """The pieces of products in these lines."""
    return sum(line.quantity for line in lines if line.kind == "product")
