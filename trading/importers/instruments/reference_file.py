"""Reads a whole file of reference data, so that it is imported as a whole or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from eventshop.cli.importing.whole_file import take_rows
from eventshop.core.errors import InvalidMessage
from trading.domain.instruments import Listing
from trading.importers.instruments.parsing import LAYOUT, parse_listing

#: The instruments of the first installation.
FIRST_INSTRUMENTS: Final = Path(__file__).parent.parent.parent / "reference" / "instruments.csv"


class ReferenceFile:
    """The listings of a file by code, and the errors of its rows, each with file and line."""

    def __init__(self, file: Path) -> None:
        """Raises `UnreadableFile`."""
        self.listings: dict[str, Listing] = {}
        self._lines: dict[str, int] = {}
        self.errors = take_rows(file, LAYOUT, self._take)

    def _take(self, line: int, cells: Mapping[str, str]) -> None:
        listing = parse_listing(cells)
        if first := self._lines.get(listing.code):
            raise InvalidMessage(f"{listing.code} is in line {first} already")
        self._lines[listing.code], self.listings[listing.code] = line, listing
