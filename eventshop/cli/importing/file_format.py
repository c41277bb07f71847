"""The format of a table of text: what an importer needs of it, what the user said, and how its cells are read."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from operator import itemgetter
from typing import Final

from msgspec import Struct

from eventshop.cli.importing.csv_rows import quote_cell, split_cells
from eventshop.cli.importing.errors import BrokenCells, BrokenRow

ISO_TIME: Final = "%Y-%m-%d %H:%M:%S"


class FileLayout(Struct, frozen=True):
    """What an importer expects: its columns in order, other names for them, those with decimals, that with a time."""

    columns: tuple[str, ...]
    aliases: Mapping[str, str] = {}  # lower-case letters and digits of another name: the column
    decimals: tuple[str, ...] = ()
    time: str = ""
    zone: str = "UTC"


class FormatOptions(Struct, frozen=True):
    """What the user said about a file. What is empty has to be found out."""

    encoding: str = ""
    delimiter: str = ""
    decimal: str = ""
    dates: str = ""
    columns: Mapping[str, str] = {}  # the importer's name: the name in the header


class FileFormat(Struct, frozen=True):
    """How the cells of one file are read."""

    layout: FileLayout
    header: tuple[str, ...]
    positions: tuple[int, ...]  # of the importer's columns in the header
    encoding: str = "utf-8"  # of a line; wide encodings are read as UTF-8
    delimiter: str = ","
    quote: str = '"'
    decimal: str = "."
    dates: str = ISO_TIME
    file_encoding: str = "utf-8"
    reordered: bool = False  # whether `positions` are others than 0, 1, 2 …

    def cells(self, line: bytes) -> list[str]:
        """The cells of a row in the importer's order, with decimal points. Raises `BrokenRow`."""
        cells = split_cells(line, encoding=self.encoding, delimiter=self.delimiter, quote=self.quote)
        if len(cells) != len(self.header):
            raise BrokenCells(f"{len(cells)} columns instead of {len(self.header)}")
        if self.reordered:
            cells = list(itemgetter(*self.positions)(cells))
        if self.decimal != ".":
            for column in self.layout.decimals:
                index = self.layout.columns.index(column)
                cells[index] = self._with_point(column, cells[index])
        return cells

    def readable_cells(self, line: bytes) -> list[str]:
        """What can be read of the importer's cells in a broken line; a cell missing or perhaps cut off is empty.

        Other characters than ASCII may be wrong.
        """
        try:
            cells = split_cells(line, encoding="latin-1", delimiter=self.delimiter, quote=self.quote)
        except BrokenRow:  # what stands between the delimiters
            cells = [cell.strip(f"{self.quote} ") for cell in line.decode("latin-1").split(self.delimiter)]
        if len(cells) < len(self.header):
            cells = cells[:-1]
        return [cells[position] if position < len(cells) else "" for position in self.positions]

    def describe(self) -> list[str]:
        names = (
            f"{column}={self.header[position]}"
            for column, position in zip(self.layout.columns, self.positions, strict=True)
        )
        times = f", dates {self.dates!r} ({self.layout.zone})" if self.layout.time else ""
        return [
            f"encoding {self.file_encoding}, delimiter {self.delimiter!r}, quotes {self.quote!r}, "
            f"decimal mark {self.decimal!r}{times}",
            f"columns {', '.join(names)}",
        ]

    def _with_point(self, column: str, cell: str) -> str:
        if "." in cell:
            raise BrokenRow(f"{column} {quote_cell(cell)} has a point, but the decimal mark is {self.decimal!r}")
        return cell.replace(self.decimal, ".")


def parse_time(cell: str, dates: str) -> datetime:
    """The time of a cell without its zone, by the format of a file's dates. Raises `ValueError`."""
    if dates == ISO_TIME:  # stricter than strptime, which takes single digits
        if len(cell) == 19 and cell[10] == " " and cell.isascii():
            return datetime.fromisoformat(cell)
        raise ValueError(cell)
    return datetime.strptime(cell, dates)
