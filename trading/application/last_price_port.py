"""What an instrument was traded at last, for market orders: told by the read model, so it may lag a moment."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Final, TypeAlias

#: The highest price of the latest minute with trades, by the instrument's code; None before the first.
LastPrice: TypeAlias = Callable[[str], Decimal | None]

_last: Final[list[LastPrice]] = []


def register(last: LastPrice) -> None:
    """Whoever keeps the prices."""
    _last[:] = [last]


def last_price(code: str) -> Decimal | None:
    return _last[0](code) if _last else None
