"""One run of an import: read all rows, refuse what is broken, send the rest unit by unit, and account for every row."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from itertools import islice
from pathlib import Path
from threading import Event as Signal
from typing import Final, Generic

from msgspec import Struct

from eventshop.cli.importing.csv_rows import read_lines
from eventshop.cli.importing.errors import BrokenCells, UnreadableFile
from eventshop.cli.importing.file_format import FileFormat
from eventshop.cli.importing.importer import FileImporter, FileUnit, UnitPlan
from eventshop.cli.importing.unit_index import Row, UnitIndex
from eventshop.cli.importing.unit_sender import send_units
from eventshop.core.errors import CommandIdReused, EventShopError, InvalidMessage
from eventshop.eventstore.command_receipts import Receipt
from eventshop.eventstore.unit_of_work import batch_write

#: A batch is one transaction: large enough to be fast, small enough to fit into memory and to stop soon.
MAX_BATCH_UNITS: Final = 400
MAX_BATCH_ROWS: Final = 4_000


class RowTally(Struct):
    """What became of the rows of the file. Each row is counted once."""

    rows: int = 0
    stored: int = 0
    there: int = 0
    refused: int = 0
    held_back: int = 0
    events: int = 0

    @property
    def tried(self) -> int:
        return self.stored + self.there + self.refused + self.held_back

    @property
    def not_tried(self) -> int:
        return self.rows - self.tried

    def describe(self) -> str:
        return (
            f"{self.rows:,} rows in the file = {self.stored:,} stored + {self.there:,} already there + "
            f"{self.refused:,} refused + {self.held_back:,} held back + {self.not_tried:,} not tried."
        )


class ImportRun(Generic[Row]):
    """Reads a file and imports it. `report_row` is told each refused or held back row: its line and the reason.

    `requested_by` is noted with each command. `save` is called in the transaction that stores a batch.
    """

    def __init__(
        self,
        importer: FileImporter[Row],
        index: UnitIndex[Row],
        report_row: Callable[[int, str], None],
        *,
        now: datetime,
        dry: bool = False,
        requested_by: str = "",
        save: Callable[[RowTally], None] | None = None,
    ) -> None:
        self.importer, self.index, self.report_row, self.now, self.dry = importer, index, report_row, now, dry
        self.requested_by, self.save = requested_by, save
        self.tally = RowTally()
        self.failed_corrections: list[str] = []
        self.repeats = self.future_rows = self.first_future_line = self.undecodable = 0

    def read(self, file: Path, file_format: FileFormat) -> None:
        """Read all rows. Raises `UnreadableFile`, also for a file without any row."""
        importer, index = self.importer, self.index
        for number, line in islice(read_lines(file, file_format.file_encoding), 1, None):
            try:
                row = importer.parse(number, file_format.cells(line), file_format)
            except InvalidMessage as error:
                self._refuse_line(number, line, file_format, error)
                continue
            index.add(row, importer.place(row))
            if row.at > self.now:
                self.future_rows += 1
                self.first_future_line = self.first_future_line or number
        if not index.row_count:
            raise UnreadableFile(f"{file}: the file has no row after the header", file=str(file))
        index.finish()
        for unit in [unit for unit in index.units() if unit.parties > 1]:
            index.refuse_unit(unit, importer.explain_disagreement(list(index.rows(unit.unit))))
        self.tally.rows, self.tally.refused = index.row_count, index.refused_count

    def import_units(self, stop: Signal, *, stop_on_error: bool) -> Iterator[RowTally]:
        """Import batch after batch; a batch is stored when its tally is yielded."""
        self.importer.prepare(self.index)
        if not self.dry:
            self.importer.create_missing()
            self._correct(self.importer.releases())
        for units in self._batches():
            if stop.is_set():
                return
            with self._saved():
                self._import_batch(units)
            yield self.tally
            if stop_on_error and self.tally.refused + self.tally.held_back:
                return
        if not self.dry:
            self._correct(self.importer.corrections())
            yield self.tally

    def preview(self, count: int) -> list[UnitPlan[Row]]:
        """The plans of the first units that can be imported."""
        self.importer.prepare(self.index)
        units = (unit for unit in self.importer.units(self.index) if not unit.held_back)
        return self.importer.plan(list(islice(units, count)))

    def _refuse_line(self, number: int, line: bytes, file_format: FileFormat, error: InvalidMessage) -> None:
        misshapen = isinstance(error, BrokenCells)
        suspects, neighbours = self.importer.suspects(file_format.readable_cells(line), misshapen=misshapen)
        self.undecodable += isinstance(error.__cause__, UnicodeDecodeError)
        self.index.refuse(number, str(error), suspects, neighbours=neighbours)

    def _batches(self) -> Iterator[list[FileUnit[Row]]]:
        batch, rows = list[FileUnit[Row]](), 0
        for unit in self.importer.units(self.index):
            if batch and (len(batch) == MAX_BATCH_UNITS or rows + len(unit.rows) > MAX_BATCH_ROWS):
                yield batch
                batch, rows = [], 0
            batch.append(unit)
            rows += len(unit.rows)
        if batch:
            yield batch

    def _import_batch(self, units: list[FileUnit[Row]]) -> None:
        for unit in units:
            self.repeats += unit.repeats + unit.duplicates
            if unit.held_back:
                self.tally.held_back += self._report(unit, unit.held_back)
        plans = self.importer.plan([unit for unit in units if not unit.held_back])
        for plan in plans:
            if self.dry:
                self.importer.add_to_totals(plan.unit)
            if plan.refusal:
                self.tally.refused += self._report(plan.unit, plan.refusal)
            elif self.dry or not plan.commands:
                self._count(plan)
        if self.dry:
            return
        for plan, outcome in send_units(plans, self.requested_by):
            if isinstance(outcome, EventShopError):
                self.tally.refused += self._report(plan.unit, _explain(plan, outcome))
            else:
                self._count(plan)
                self._count_receipts(plan, outcome)

    def _correct(self, plans: Iterator[UnitPlan[Row]]) -> None:
        while chunk := list(islice(plans, MAX_BATCH_UNITS)):
            with self._saved():
                for plan, outcome in send_units(chunk, self.requested_by):
                    if isinstance(outcome, EventShopError):
                        self.failed_corrections.append(_explain(plan, outcome))
                    else:
                        self._count_receipts(plan, outcome)

    @contextmanager
    def _saved(self) -> Iterator[None]:
        """A batch, in one transaction with its counts where these are saved."""
        if self.save is None:
            yield
            return
        with batch_write():
            yield
            self.save(self.tally)

    def _count_receipts(self, plan: UnitPlan[Row], receipts: list[Receipt]) -> None:
        self.tally.events += sum(receipt.events for receipt in receipts if not receipt.replayed)
        self.importer.count(plan, receipts)

    def _count(self, plan: UnitPlan[Row]) -> None:
        there = plan.rows_there if plan.commands else len(plan.unit.rows)
        self.tally.there += there + plan.unit.duplicates
        self.tally.stored += len(plan.unit.rows) - there

    def _report(self, unit: FileUnit[Row], reason: str) -> int:
        for row in unit.rows:
            self.report_row(row.line, reason)
        return len(unit.rows) + unit.duplicates


def _explain(plan: UnitPlan[Row], error: EventShopError) -> str:
    if isinstance(error, CommandIdReused):
        return f"{plan.unit.name} was imported before with other contents; what is stored stays"
    return f"{plan.unit.name}: {error}"
