"""The fee of a fill: what its report says, else what the terms of the trade say.

The terms are copied into the trade when it is submitted, and the fee into each event, so that nothing is looked up when
events are read. A fee is in the currency of the trade's values, so that what is earned less fees needs no rate.
"""

from __future__ import annotations

from decimal import Decimal

from eventshop.core.currencies import DECIMALS
from eventshop.core.decimal_math import ZERO, add, multiply, round_half_up
from trading.domain.commands import SubmitTrade
from trading.domain.contract_value import fill_value, money_currency
from trading.domain.errors import WrongFeeCurrency
from trading.domain.events import MAX_DECIMALS, Fee, Fill, TradeSubmitted


def compute_fee(terms: TradeSubmitted | SubmitTrade, fill: Fill) -> Fee | None:
    """The fee by the terms of a trade or order, rounded half up to what its currency is paid in; None without terms."""
    if (by := terms.fee_terms) is None:
        return None
    currency = money_currency(terms.instrument)
    value = fill_value(terms.instrument.contract, fill).copy_abs()
    exact = add(multiply(value, by.rate), multiply(fill.quantity, by.per_piece))
    if by.minimum:
        exact = max(exact, by.minimum)
    return Fee(round_half_up(exact, decimals=DECIMALS.get(currency, MAX_DECIMALS)), currency)


def check_fee(terms: TradeSubmitted, fill: Fill) -> None:
    """Raise `WrongFeeCurrency` unless the fee is in the currency of the trade's values."""
    currency = money_currency(terms.instrument)
    if fill.fee and fill.fee.currency != currency:
        raise WrongFeeCurrency(fill=fill.venue_trade_id, fee=fill.fee.currency, values=currency)


def fee_amount(fill: Fill) -> Decimal:
    return fill.fee.amount if fill.fee else ZERO


def fees_of(fills: tuple[Fill, ...]) -> Decimal:
    """The sum of the fees, all of one trade and therefore in one currency."""
    total = ZERO
    for fill in fills:
        total = add(total, fee_amount(fill))
    return total
