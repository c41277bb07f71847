"""CSV, one line at a time, without a cell that a spreadsheet reads as a formula."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from typing import Final

from eventshop.admin_console.list_state import StatefulChangeList, header_texts, row_texts
from eventshop.runtime.csv_cells import safe_cell

#: Rows of one export; filters make the others reachable.
MAX_ROWS: Final = 100_000


class _EchoWriter:
    """A file object for `csv.writer` that returns each line instead of writing it."""

    def write(self, line: str) -> str:
        return line


def csv_line(cells: Iterable[object]) -> str:
    """One line of the file."""
    line: str = csv.writer(_EchoWriter()).writerow([safe_cell(cell) for cell in cells])
    return line


def list_lines(cl: StatefulChangeList) -> Iterator[str]:
    """The filtered list with its columns, at most `MAX_ROWS` rows; a last line says when there are more."""
    yield csv_line(header_texts(cl))
    for number, row in enumerate(cl.export_rows(MAX_ROWS + 1)):
        if number == MAX_ROWS:
            yield csv_line([f"Only the first {MAX_ROWS:,} rows: narrow the list by its filters."])
            return
        yield csv_line(row_texts(cl, row))
