"""Who brings a parcel, and how: told apart in the one text that people write."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

#: Carriers whose services have names of their own.
KNOWN: Final = ("Royal Mail", "Parcelforce", "DHL", "DPD", "Evri", "FedEx", "GLS", "UPS")


@lru_cache(maxsize=1_000)  # a history names few carriers, many times each
def carrier_and_service(text: str) -> tuple[str, str]:
    """`Royal Mail Tracked 48` as (`Royal Mail`, `Tracked 48`); of a carrier we do not know, all is its name."""
    for known in KNOWN:
        carrier, rest = text[: len(known)], text[len(known) :]
        if carrier.casefold() == known.casefold() and rest[:1] == " " and rest.strip():
            return carrier, rest.strip()
    return text, ""
