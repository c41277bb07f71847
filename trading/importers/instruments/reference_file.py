"""Reads a whole file of reference data, so that it is imported as a whole or not at all."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Final

from eventshop.cli.importing.csv_rows import read_lines
from eventshop.cli.importing.errors import UnreadableFile
from eventshop.cli.importing.file_format import FormatOptions
from eventshop.cli.importing.format_detection import find_format
from eventshop.core.errors import InvalidMessage
from trading.domain.instruments import COLUMNS, Listing
from trading.importers.instruments.parsing import LAYOUT, parse_listing

#: Rows of one file: all are held in memory.
MAX_ROWS: Final = 100_000
#: The instruments of the first installation.
FIRST_INSTRUMENTS: Final = Path(__file__).parent.parent.parent / "reference" / "instruments.csv"


class ReferenceFile:
    """The listings of a file by code, and the errors of its rows, each with file and line."""

    def __init__(self, file: Path) -> None:
        """Raises `UnreadableFile`."""
        self.listings: dict[str, Listing] = {}
        self.errors: list[str] = []
        self._lines: dict[str, int] = {}
        file_format = find_format(file, LAYOUT, FormatOptions())
        for number, line in islice(read_lines(file, file_format.file_encoding), 1, None):
            if number > MAX_ROWS + 1:
                raise UnreadableFile(f"{file}: more than {MAX_ROWS:,} rows", file=str(file))
            try:
                cells = (cell.strip() for cell in file_format.cells(line))
                self._add(number, parse_listing(dict(zip(COLUMNS, cells, strict=True))))
            except InvalidMessage as error:
                self.errors.append(f"{file}:{number}: {error}")

    def _add(self, line: int, listing: Listing) -> None:
        if first := self._lines.get(listing.code):
            raise InvalidMessage(f"{listing.code} is in line {first} already")
        self._lines[listing.code], self.listings[listing.code] = line, listing
