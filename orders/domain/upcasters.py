"""Upcasters for older schema versions of order and stock events.

OrderCreated version 1 needs none: it had no delivery name and address, and the fields' defaults cover that.
"""

from __future__ import annotations

from typing import Final

from eventshop.core.upcasting import Fields, Upcasters
from orders.domain.carriers import carrier_and_service

upcasters: Final = Upcasters()


@upcasters.upcast("OrderShipped", 1)
def carrier_was_one_text(fields: Fields) -> Fields:
    """Version 1 stored carrier and service in one text, in `carrier`."""
    carrier, service = carrier_and_service(fields["carrier"])
    return fields | {"carrier": carrier, "service": service}
