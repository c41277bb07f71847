"""Reference data: the instruments that can be traded. A change applies to trades that are submitted afterwards."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from trading.domain.errors import UnknownInstrument
from trading.domain.events import Contract, Instrument


def _make_instrument(
    code: str, currency: str, tick: str, lot: str, settlement_days: int, calendar: str, contract: Contract | None = None
) -> Instrument:
    return Instrument(code, currency, Decimal(tick), Decimal(lot), settlement_days, calendar, contract)


def _coin_margined(code: str, tick: str, worth: str, coin: str) -> Instrument:
    """A perpetual contract that is worth an amount of USD and paid in coin; its quantities are whole contracts."""
    return _make_instrument(code, "USD", tick, "1", 0, "EVERY_DAY", Contract(Decimal(worth), True, coin))


INSTRUMENTS: Final = {
    instrument.code: instrument
    for instrument in (
        _make_instrument("BINANCE_SPOT/BTCUSDT", "USDT", "0.01", "0.00001", 0, "EVERY_DAY"),
        _make_instrument("BINANCE_SPOT/ETHUSDT", "USDT", "0.01", "0.0001", 0, "EVERY_DAY"),
        _make_instrument("BINANCE_USDM/BTCUSDT", "USDT", "0.1", "0.001", 0, "EVERY_DAY"),
        _make_instrument("BINANCE_USDM/ETHUSDT", "USDT", "0.01", "0.001", 0, "EVERY_DAY"),
        _coin_margined("BINANCE_COINM/BTCUSD_PERP", "0.1", "100", "BTC"),
        _coin_margined("BINANCE_COINM/ETHUSD_PERP", "0.01", "10", "ETH"),
        _make_instrument("XETRA/SAP", "EUR", "0.02", "1", 2, "TARGET"),
        _make_instrument("NYSE/IBM", "USD", "0.01", "1", 1, "US_SETTLEMENT"),
    )
}


def get_instrument(code: str) -> Instrument:
    """Return the instrument of a code; raises `UnknownInstrument`."""
    try:
        return INSTRUMENTS[code]
    except KeyError:
        raise UnknownInstrument(code=repr(code[:60]), known="; ".join(sorted(INSTRUMENTS))) from None
