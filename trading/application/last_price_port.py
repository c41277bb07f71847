"""The last prices of an instrument, for market orders. They come from a read model, so they may lag."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Final, NamedTuple, TypeAlias

from eventshop.core.port import Port
from trading.domain.events import Instrument


class LastPrices(NamedTuple):
    """The lowest and the highest price of the latest minute with trades, in the currency of the instrument's prices."""

    low: Decimal
    high: Decimal
    minute: datetime


#: By the instrument's code; None before the first trade.
FindLastPrices: TypeAlias = Callable[[str], LastPrices | None]

last_prices: Final = Port[FindLastPrices]("last prices")


def dearest_last_price(instrument: Instrument) -> Decimal | None:
    """The last price at which a piece is worth most: the lowest one of an inverse contract. None before a trade."""
    prices = last_prices.get()(instrument.code)
    if prices is None:
        return None
    is_inverse = instrument.contract is not None and instrument.contract.inverse
    return prices.low if is_inverse else max(prices.high, prices.low, key=abs)
