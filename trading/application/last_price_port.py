"""The last price of an instrument, for market orders. It comes from a read model, so it may lag."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Final, TypeAlias

from eventshop.core.port import Port

#: The highest price of the latest minute with trades, by the instrument's code; None before the first.
LastPrice: TypeAlias = Callable[[str], Decimal | None]

last_prices: Final = Port[LastPrice]("last prices")


def last_price(code: str) -> Decimal | None:
    """The last price of an instrument, in its currency; None before its first trade."""
    return last_prices.get()(code)
