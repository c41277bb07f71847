"""Read a file as an import does, without sending anything."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from eventshop.cli.importing.file_format import FormatOptions
from eventshop.cli.importing.format_detection import find_format
from eventshop.cli.importing.import_run import ImportRun
from eventshop.cli.importing.importer import FileImporter, FileUnit


class ReadFile(NamedTuple):
    """The units of a file in their order, and the reason by line of the rows that are refused."""

    units: list[FileUnit[Any]]
    refused: dict[int, str]
    run: ImportRun[Any]

    @property
    def rows(self) -> list[Any]:
        """The valid rows by line."""
        return sorted((row for unit in self.units for row in unit.rows), key=lambda row: row.line)

    @property
    def held_back(self) -> dict[int, str]:
        """The reason by line of the rows that are held back."""
        return {row.line: unit.held_back for unit in self.units for row in unit.rows if unit.held_back}

    @property
    def complete(self) -> list[FileUnit[Any]]:
        return [unit for unit in self.units if not unit.held_back]


def read_file(importer: FileImporter[Any], path: Path, **options: Any) -> ReadFile:
    with importer.create_index() as index:
        run = ImportRun(importer, index, lambda line, reason: None, now=datetime.now(UTC))
        run.read(path, find_format(path, importer.layout, FormatOptions(**options)))
        return ReadFile(list(importer.units(index)), dict(index.refusals()), run)
