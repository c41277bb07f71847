"""What a quantity is worth at a price, and what it uses of a limit."""

from __future__ import annotations

from decimal import Decimal

import pytest
from msgspec.structs import replace

from tests.unit.trading.domain.examples import SAP
from trading.domain.contract_value import limit_amount, money_currency, value_of
from trading.domain.events import Contract

FUTURE = Contract(Decimal(50), False, "USD")
PERPETUAL = Contract(Decimal(100), True, "BTC")


@pytest.mark.parametrize(
    ("contract", "quantity", "price", "value", "frozen", "currency"),
    [
        (None, "10", "200.00", "2000", "2000", "EUR"),
        (FUTURE, "2", "4500.25", "450025", "450025", "USD"),
        (PERPETUAL, "1", "60000", "0.00166667", "0.00166667", "BTC"),
        (PERPETUAL, "3", "70000", "0.00428571", "0.00428572", "BTC"),
    ],
)
def test_the_value_follows_the_contract(
    contract: Contract | None, quantity: str, price: str, value: str, frozen: str, currency: str
) -> None:
    instrument = replace(SAP, contract=contract)
    assert value_of(contract, Decimal(quantity), Decimal(price)) == Decimal(value)
    assert value_of(contract, -Decimal(quantity), Decimal(price)) == -Decimal(value)
    assert limit_amount(instrument, Decimal(quantity), Decimal(price)) == Decimal(frozen)
    assert money_currency(instrument) == currency
