"""The value of a quantity at a price: price times quantity, unless the instrument has a contract.

A linear contract is worth price x quantity x multiplier. An inverse one is worth a fixed amount of the quoted currency
for each piece and paid in coin: quantity x multiplier / price, rounded to the smallest unit of a coin.
"""

from __future__ import annotations

from decimal import Decimal

from eventshop.core.decimal_math import divide, multiply, round_up
from trading.domain.events import MAX_DECIMALS, Contract, Fill, Instrument


def value_of(contract: Contract | None, quantity: Decimal, price: Decimal, *, decimals: int = MAX_DECIMALS) -> Decimal:
    """The value, with the sign of the quantity; the price of an inverse contract is positive, its value rounded."""
    if contract is None:
        return multiply(quantity, price)
    size = multiply(quantity, contract.multiplier)
    return divide(size, price, decimals=decimals) if contract.inverse else multiply(size, price)


def fill_value(contract: Contract | None, fill: Fill) -> Decimal:
    return value_of(contract, fill.quantity, fill.price)


def limit_amount(instrument: Instrument, quantity: Decimal, price: Decimal) -> Decimal:
    """The amount that an order uses of a limit, in `money_currency`: its value without the sign, rounded up."""
    value = value_of(instrument.contract, quantity, price, decimals=3 * MAX_DECIMALS)
    return round_up(value.copy_abs(), decimals=MAX_DECIMALS)


def money_currency(instrument: Instrument) -> str:
    """The currency of values, results and limits."""
    return instrument.contract.currency if instrument.contract else instrument.currency
