"""The port for stock availability in the shop's catalogue. A read model answers, so it may lag a moment."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Final, TypeAlias

#: Takes SKUs; gives the units on hand by SKU, without the SKUs that are unknown.
OnHandQuery: TypeAlias = Callable[[Collection[str]], Mapping[str, int]]

_queries: Final[list[OnHandQuery]] = []


def register(query: OnHandQuery) -> None:
    """Register the read model's query; a second call replaces the first."""
    _queries[:] = [query]


def quantities_on_hand(skus: Collection[str]) -> Mapping[str, int]:
    """The units on hand by SKU; empty while no query is registered."""
    return _queries[0](skus) if _queries else {}
