"""Names of the API's URLs of trades and accounts. The read models serve the lists under these names."""

from __future__ import annotations

from typing import Final

TRADES: Final = "api-trades"
TRADE: Final = "api-trade"
ACCOUNTS: Final = "api-accounts"
ACCOUNT: Final = "api-account"
