"""How many pieces of each product can be sold, for the shop window: told by the read model, so it may lag a moment."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Final, TypeAlias

#: Pieces on hand of the products that are known, by code.
OnHand: TypeAlias = Callable[[Collection[str]], Mapping[str, int]]

_on_hand: Final[list[OnHand]] = []


def register(on_hand: OnHand) -> None:
    """Whoever keeps the stock levels."""
    _on_hand[:] = [on_hand]


def on_hand(skus: Collection[str]) -> Mapping[str, int]:
    return _on_hand[0](skus) if _on_hand else {}
