"""Upcasters for older schema versions of trade events: coin-margined contracts were counted as their price."""

from __future__ import annotations

from typing import Final

from eventshop.core.upcasting import Fields, Upcasters

upcasters: Final = Upcasters()

#: The contracts of the two instruments that were traded before events told of contracts.
_CONTRACTS: Final[dict[str, Fields]] = {
    "BINANCE_COINM/BTCUSD_PERP": {"multiplier": "100", "inverse": True, "currency": "BTC"},
    "BINANCE_COINM/ETHUSD_PERP": {"multiplier": "10", "inverse": True, "currency": "ETH"},
}


@upcasters.upcast("TradeSubmitted", 1)
def submission_had_no_contract(fields: Fields) -> Fields:
    return _with_contract(fields, "instrument", "code")


@upcasters.upcast("TradeExecuted", 1)
@upcasters.upcast("TradeRejected", 2)
@upcasters.upcast("TradeCancelled", 2)
@upcasters.upcast("TradeCorrected", 2)
@upcasters.upcast("TradeBusted", 2)
@upcasters.upcast("FillsFlagged", 1)
@upcasters.upcast("TradeSettled", 1)
def deal_had_no_contract(fields: Fields) -> Fields:
    return _with_contract(fields, "deal", "instrument")


def _with_contract(fields: Fields, part: str, code: str) -> Fields:
    contract = _CONTRACTS.get(fields[part][code])
    return fields | {part: fields[part] | {"contract": contract}} if contract else fields
