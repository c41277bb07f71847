"""Reads a whole file of a few columns, which is imported as a whole or not at all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import islice
from pathlib import Path
from typing import Final

from django.core.management.base import CommandError, OutputWrapper

from eventshop.cli.importing.csv_rows import read_lines
from eventshop.cli.importing.errors import UnreadableFile
from eventshop.cli.importing.file_format import FileLayout, FormatOptions
from eventshop.cli.importing.format_detection import find_format
from eventshop.core.errors import InvalidMessage

#: Rows of one file: all are held in memory.
MAX_ROWS: Final = 100_000
#: Errors of rows that are written; a file of another kind has one for each row.
_MOST_ERRORS: Final = 50


def take_rows(file: Path, layout: FileLayout, take: Callable[[int, Mapping[str, str]], None]) -> list[str]:
    """Give each row to `take`, its line number and its cells by column; returns the errors, each with file and line.

    `take` refuses a row by `InvalidMessage`. Raises `UnreadableFile`.
    """
    errors = []
    file_format = find_format(file, layout, FormatOptions())
    for number, line in islice(read_lines(file, file_format.file_encoding), 1, None):
        if number > MAX_ROWS + 1:
            raise UnreadableFile(f"{file}: more than {MAX_ROWS:,} rows", file=str(file))
        try:
            cells = (cell.strip() for cell in file_format.cells(line))
            take(number, dict(zip(layout.columns, cells, strict=True)))
        except InvalidMessage as error:
            errors.append(f"{file}:{number}: {error}")
    return errors


def refuse_errors(errors: list[str], stderr: OutputWrapper) -> None:
    """Write the errors of a file's rows. Raises `CommandError` if there is any."""
    for error in errors[:_MOST_ERRORS]:
        stderr.write(error)
    if errors:
        raise CommandError(f"Nothing was imported: {len(errors):,} rows are invalid.")
