"""Fills the table of instruments of a new installation, or of one whose instruments were a part of the program."""

from __future__ import annotations

from typing import Any

from trading.application.instruments import save_listings
from trading.importers.instruments.reference_file import FIRST_INSTRUMENTS, ReferenceFile
from trading.models import InstrumentVersion


def add_first_instruments(**_: Any) -> None:
    """Add the instruments of `trading/reference` to an empty table. A receiver of `post_migrate`."""
    if not InstrumentVersion.objects.exists():
        listings = ReferenceFile(FIRST_INSTRUMENTS).listings.values()
        save_listings(listings, actor="migration", reason="instruments of the first installation")
