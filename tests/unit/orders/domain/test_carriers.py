"""Carrier and service are split, in new input and by the upcaster of older events."""

from __future__ import annotations

import pytest

from orders.domain.carriers import carrier_and_service
from orders.domain.upcasters import carrier_was_one_text


@pytest.mark.parametrize(
    ("text", "carrier", "service"),
    [
        ("Royal Mail Tracked 48", "Royal Mail", "Tracked 48"),
        ("royal mail  Tracked 48", "royal mail", "Tracked 48"),
        ("Royal Mail", "Royal Mail", ""),
        ("DHL Express", "DHL", "Express"),
        ("DHLX Express", "DHLX Express", ""),
        ("DHL ", "DHL ", ""),
        ("Pigeon Post", "Pigeon Post", ""),
    ],
)
def test_a_known_carriers_service_is_told_apart(text: str, carrier: str, service: str) -> None:
    assert carrier_and_service(text) == (carrier, service)
    stored = {"order_id": "7", "carrier": text, "tracking": "RM1"}
    assert carrier_was_one_text(stored) == stored | {"carrier": carrier, "service": service}
    assert stored["carrier"] == text
