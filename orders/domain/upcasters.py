"""Events of orders and stock as they once were, and how today's program reads them.

Not here: OrderCreated 1, which had no delivery name and address. Their defaults are all that it takes.
"""

from __future__ import annotations

from typing import Final

from eventshop.core.upcasting import Fields, Upcasters
from orders.domain.carriers import carrier_and_service

upcasters: Final = Upcasters()


@upcasters.upcast("OrderShipped", 1)
def carrier_was_one_text(fields: Fields) -> Fields:
    """`carrier` held the service as well."""
    carrier, service = carrier_and_service(fields["carrier"])
    return fields | {"carrier": carrier, "service": service}
