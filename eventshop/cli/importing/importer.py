"""What an importer of one kind of file implements; everything else is shared."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import ClassVar, Generic, TypeAlias

from msgspec import Struct

from eventshop.cli.importing.file_format import FileFormat, FileLayout
from eventshop.cli.importing.unit_index import Placement, Row, Suspect, UnitIndex
from eventshop.core.messages import Command, Envelope
from eventshop.eventstore.command_receipts import Receipt

CommandToSend: TypeAlias = tuple[Command, Envelope]


class FileUnit(Struct, Generic[Row], frozen=True):
    """What is stored whole or not at all: an invoice, an execution."""

    name: str
    rows: Sequence[Row]
    held_back: str = ""  # the reason; empty: it can be imported
    repeats: int = 0  # rows that repeat another row of the unit exactly, and count
    duplicates: int = 0  # rows beside `rows` that say again what one of them says, and do not count


class UnitPlan(Struct, Generic[Row], frozen=True):
    """What has to be sent for a unit, after the store was asked. Without commands or refusal it is already there."""

    unit: FileUnit[Row]
    commands: Sequence[CommandToSend] = ()
    refusal: str = ""
    rows_there: int = 0  # rows of the unit that are stored already


class FileImporter(ABC, Generic[Row]):
    """Turns the rows of one kind of file into units and these into commands. One instance imports one file."""

    #: What the units are called: `invoices`.
    units_noun: ClassVar[str]
    layout: ClassVar[FileLayout]

    @abstractmethod
    def create_index(self) -> UnitIndex[Row]: ...

    @abstractmethod
    def parse(self, line: int, cells: list[str], file_format: FileFormat) -> Row:
        """A typed row; raises `InvalidMessage` with the reason why it cannot be imported."""

    @abstractmethod
    def place(self, row: Row) -> Placement: ...

    @abstractmethod
    def suspects(self, cells: list[str], *, misshapen: bool) -> tuple[list[Suspect], bool]:
        """The units that a broken row may belong to, by what can be read of its cells.

        Also whether it may belong to those of the rows before and after it. `misshapen`: the line is not the cells of
        one row; it may be a part of a row, or two.
        """

    def explain_disagreement(self, rows: Sequence[Row]) -> str:
        """Why a unit is refused whose rows are of several parties."""
        raise NotImplementedError

    @abstractmethod
    def units(self, index: UnitIndex[Row]) -> Iterator[FileUnit[Row]]:
        """The units in the order in which they are imported."""

    def prepare(self, index: UnitIndex[Row]) -> None:
        """Ask the store what the import of this file needs of it."""
        return

    @abstractmethod
    def plan(self, units: Sequence[FileUnit[Row]]) -> list[UnitPlan[Row]]:
        """Compare some units with the store, and build the commands of what is missing."""

    def create_missing(self) -> None:
        """Create what the units refer to and the program lacks, before the first unit is sent."""
        return

    def releases(self) -> Iterator[UnitPlan[Row]]:
        """What must be taken back of stored units before the file's are sent."""
        return iter(())

    def corrections(self) -> Iterator[UnitPlan[Row]]:
        """What the file changes of units that are stored and not in it; these have no rows. Asked for at the end."""
        return iter(())

    @abstractmethod
    def count(self, plan: UnitPlan[Row], receipts: Sequence[Receipt]) -> None:
        """Count what was stored of a unit."""

    @abstractmethod
    def summary(self) -> str:
        """What was stored, without the number of events and rows."""

    def warnings(self) -> Iterator[str]:
        """What a person should know of what was stored."""
        return iter(())

    @abstractmethod
    def add_to_totals(self, unit: FileUnit[Row]) -> None: ...

    @abstractmethod
    def totals(self) -> list[str]:
        """The control totals of the units that can be imported, a line each."""
