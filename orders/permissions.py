"""What staff need to act on orders. The permissions belong to `orders.OrderPermission`."""

from __future__ import annotations

from typing import Final

SHIP_ORDER: Final = "orders.ship_order"
DELIVER_ORDER: Final = "orders.deliver_order"
CANCEL_ORDER: Final = "orders.cancel_order"
REFUND_ORDER: Final = "orders.refund_order"
#: Record what happened to an order elsewhere, and send orders of other systems with their prices and identifiers.
IMPORT_FACTS: Final = "orders.import_facts"
