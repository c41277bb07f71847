"""The price at which a market order uses the limits: the one at which a piece is worth most."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from msgspec.structs import replace

from tests.unit.trading.domain.examples import LISTINGS
from trading.application.last_price_port import LastPrices, dearest_last_price, last_prices


@pytest.fixture(autouse=True)
def latest_minute() -> Iterator[None]:
    before = last_prices.get()
    prices = LastPrices(Decimal(50_000), Decimal(60_000), datetime(2026, 1, 30, tzinfo=UTC))
    last_prices.provide(lambda code: None if code == "XETRA/SAP" else prices)
    yield
    last_prices.provide(before)


@pytest.mark.parametrize(
    ("code", "price"),
    [("BINANCE_SPOT/BTCUSDT", Decimal(60_000)), ("BINANCE_COINM/BTCUSD_PERP", Decimal(50_000)), ("XETRA/SAP", None)],
)
def test_an_inverse_contract_is_dearest_at_the_lowest_price(code: str, price: Decimal | None) -> None:
    assert dearest_last_price(LISTINGS[code].instrument) == price


def test_a_negative_price_counts_without_its_sign() -> None:
    last_prices.provide(lambda code: LastPrices(Decimal(-40), Decimal(10), datetime(2026, 1, 30, tzinfo=UTC)))
    oil = replace(LISTINGS["NYSE/IBM"].instrument, negative_prices=True)
    assert dearest_last_price(oil) == -40
