"""Splits the text that people enter as the carrier into the carrier's name and its service."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

#: Carriers that have several services with names.
KNOWN_CARRIERS: Final = ("Royal Mail", "Parcelforce", "DHL", "DPD", "Evri", "FedEx", "GLS", "UPS")


@lru_cache(maxsize=1_000)  # a history names few carriers, many times each
def carrier_and_service(text: str) -> tuple[str, str]:
    """Split `Royal Mail Tracked 48` into (`Royal Mail`, `Tracked 48`). The text of an unknown carrier is all name."""
    for known in KNOWN_CARRIERS:
        carrier, rest = text[: len(known)], text[len(known) :]
        if carrier.casefold() == known.casefold() and rest[:1] == " " and rest.strip():
            return carrier, rest.strip()
    return text, ""
