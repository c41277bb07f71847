"""What staff need to act on trades and accounts. The permissions belong to `trading.TradePermission`."""

from __future__ import annotations

from typing import Final

SUBMIT_TRADE: Final = "trading.submit_trade"
FILL_TRADE: Final = "trading.fill_trade"
REJECT_TRADE: Final = "trading.reject_trade"
AMEND_TRADE: Final = "trading.amend_trade"
CANCEL_TRADE: Final = "trading.cancel_trade"
CORRECT_TRADE: Final = "trading.correct_trade"
SETTLE_TRADE: Final = "trading.settle_trade"
OPEN_ACCOUNT: Final = "trading.open_account"
SET_LIMIT: Final = "trading.set_limit"
