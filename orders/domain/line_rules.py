"""The rules for the lines of an order or credit note."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, TypeAlias

import msgspec

from eventshop.core.currencies import decimals_of
from eventshop.core.errors import CurrencyMismatch, InvalidMessage
from eventshop.core.money import Money
from orders.domain.order_values import Line
from orders.domain.payments import payable
from orders.domain.stock_commands import check_quantity

#: A tenth of a penny: unit prices of small goods are quoted with three decimals.
PRICE_DECIMALS = 3
#: The largest order the codec's 256 KiB can hold with long descriptions.
MAX_LINES = 1_500
OrderLines: TypeAlias = Annotated[tuple[Line, ...], msgspec.Meta(max_length=MAX_LINES)]


def order_total(lines: tuple[Line, ...]) -> Money:
    """The sum of price × quantity over at least one line."""
    # One `Money` at the end: the import sums 42,000 lines, and `check_lines` refuses mixed currencies.
    return Money(sum((line.price.amount * line.quantity for line in lines), Decimal(0)), lines[0].price.currency)


def check_lines(lines: tuple[Line, ...]) -> None:
    """Validate the lines of an order or credit note.

    Raises `InvalidMessage` for no lines, a quantity below 1, too many decimals, a discount above zero, another price or
    a total below zero; `CurrencyMismatch` for mixed currencies, `UnknownCurrency` for one that is not in
    ISO 4217 today, and `InvalidMoney` for a total that is too large.
    """
    if not lines:
        raise InvalidMessage("an order needs at least one line")
    currency = lines[0].price.currency
    decimals_of(currency)
    for line in lines:
        check_quantity(line.sku, line.quantity)
        _check_price(line)
        if line.price.currency != currency:
            raise CurrencyMismatch(f"{line.sku}: the price {line.price} is not in the order's {currency}", sku=line.sku)
    total = order_total(lines)
    if total.amount < 0:
        raise InvalidMessage(f"the discounts are larger than the order: its total would be {total}")
    payable(total)  # InvalidMoney: too large once it is rounded


def _check_price(line: Line) -> None:
    if line.kind == "discount" and line.price.amount > 0:
        raise InvalidMessage(f"{line.sku}: a discount must not be above zero, but is {line.price}")
    if line.kind != "discount" and line.price.amount < 0:
        raise InvalidMessage(f"{line.sku}: the price must not be negative, but is {line.price}")
    if line.price.decimals > PRICE_DECIMALS:
        raise InvalidMessage(f"{line.sku}: the price {line.price} has more than {PRICE_DECIMALS} decimals")
