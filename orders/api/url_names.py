"""Names of the API's URLs of orders and stock. The read models serve the lists under these names."""

from __future__ import annotations

from typing import Final

ORDERS: Final = "api-orders"
ORDER: Final = "api-order"
STOCK_LEVEL: Final = "api-stock-level"
