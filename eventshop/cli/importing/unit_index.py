"""The rows of a file by unit, in a temporary file on disk: units are whole, wherever their rows stand.

Rows are kept in runs: rows of one unit with consecutive numbers. Memory does not grow with the file.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Any, Final, Generic, NamedTuple, Protocol, TypeVar

import msgspec
from msgspec import Struct

#: A run is one record; longer ones are split, so that a record fits into memory.
MAX_RUN_ROWS: Final = 1_000
#: Rows in memory; then their runs are written.
MAX_OPEN_ROWS: Final = 4_000
_CACHE_KB: Final = 8_000

_SCHEMA: Final = f"""
PRAGMA journal_mode = OFF;
PRAGMA cache_size = -{_CACHE_KB};
CREATE TABLE run (unit TEXT, first TEXT, at TEXT, party TEXT, line INTEGER, rows INTEGER, body BLOB);
CREATE TABLE refused (line INTEGER PRIMARY KEY, reason TEXT);
CREATE TABLE suspect (unit TEXT, number TEXT, cause INTEGER, mark TEXT);
BEGIN;
"""
# A unit that its broken rows belong to carries the line of the first of them as its cause.
_UNITS: Final = """
CREATE INDEX run_of_unit ON run (unit, first, line);
INSERT INTO suspect
    SELECT DISTINCT run.unit, number, cause, '' FROM suspect JOIN run
    ON run.unit >= suspect.unit AND run.unit < suspect.unit || char(1114111) WHERE mark = '*';
CREATE INDEX suspect_of_unit ON suspect (unit);
CREATE TABLE unit AS
    SELECT unit, min(at) AS at, count(DISTINCT party) AS parties, min(line) AS line, sum(rows) AS rows,
        (SELECT min(cause) FROM suspect WHERE suspect.unit = run.unit) AS cause
    FROM run GROUP BY unit ORDER BY min(at), unit;
"""


class FileRow(Protocol):
    """A valid row of a file: its line, and when it happened."""

    @property
    def line(self) -> int: ...

    @property
    def at(self) -> datetime: ...


Row = TypeVar("Row", bound=FileRow)


class Placement(NamedTuple):
    """Where a row belongs. Units are in order of `at` (the earliest of their rows), then of their key.

    `number` orders the rows of the unit. All rows of a unit must agree on `party`.
    """

    unit: str
    number: int
    at: datetime | None = None
    party: tuple[str, ...] = ()


class Suspect(NamedTuple):
    """A unit that a broken row may belong to. `number` and `mark` say where in it, if the importer needs that.

    The mark `*` means every unit whose key starts with `unit`.
    """

    unit: str
    number: int = 0
    mark: str = ""


class UnitKey(NamedTuple):
    unit: str
    line: int  # of its first row
    rows: int
    parties: int
    cause: int | None  # the line of a broken row that may belong to it


class _Run(Struct, Generic[Row]):
    place: Placement
    rows: list[Row]
    at: datetime | None
    last_number: int


class UnitIndex(Generic[Row]):
    """Add all rows, call `finish`, then read the units. A context manager: closing removes the file."""

    def __init__(self, row_type: type[Row], number_of: Callable[[Row], int]) -> None:
        self.number_of = number_of
        self.row_count = self.refused_count = 0
        decoder: Any = msgspec.msgpack.Decoder(list[row_type])  # type: ignore[valid-type]  # known at run time
        self._decode: Callable[[bytes], list[Row]] = decoder.decode
        self._encode = msgspec.msgpack.Encoder().encode
        self._db = sqlite3.connect("", isolation_level=None)  # no name: a temporary file, deleted by SQLite
        self._db.executescript(_SCHEMA)
        self._runs: dict[str, _Run[Row]] = {}  # by unit: the open ones
        self._open_rows = 0
        self._last_unit = ""
        self._broken_line = 0  # the first since the last valid row that may belong to the unit of the next one

    def __enter__(self) -> UnitIndex[Row]:
        return self

    def __exit__(self, *error: object) -> None:
        self._db.close()

    def add(self, row: Row, place: Placement) -> None:
        self.row_count += 1
        self._last_unit = place.unit
        run = self._runs.get(place.unit)
        if (
            run is not None
            and run.last_number + 1 == place.number
            and run.place.party == place.party
            and len(run.rows) < MAX_RUN_ROWS
        ):
            run.rows.append(row)
            run.last_number = place.number
            if place.at != run.at and place.at is not None and run.at is not None:
                run.at = min(place.at, run.at)
        else:
            if run is not None:
                self._write([run])
            self._runs[place.unit] = _Run(place, [row], place.at, place.number)
        self._open_rows += 1
        if self._open_rows >= MAX_OPEN_ROWS:
            self._write_all()
        if self._broken_line:
            self._suspect([Suspect(place.unit)], self._broken_line)
            self._broken_line = 0

    def refuse(self, line: int, reason: str, suspects: Iterable[Suspect] = (), *, neighbours: bool = False) -> None:
        """Refuse a line. `neighbours`: it may belong to the units of the valid rows before and after it."""
        self.row_count += 1
        self._refuse(line, reason)
        self._suspect(suspects, line)
        if neighbours:
            self._broken_line = self._broken_line or line
            if self._last_unit:
                self._suspect([Suspect(self._last_unit)], line)

    def finish(self) -> None:
        """No row comes any more: order the units."""
        self._write_all()
        self._db.executescript(_UNITS)

    def refuse_unit(self, unit: UnitKey, reason: str) -> None:
        """Refuse all rows of a unit."""
        for row in list(self.rows(unit.unit)):
            self._refuse(row.line, reason)
        self._db.execute("DELETE FROM unit WHERE unit = ?", (unit.unit,))

    def units(self) -> Iterator[UnitKey]:
        """The units in their order."""
        sql = "SELECT unit, line, rows, parties, cause FROM unit ORDER BY rowid"
        yield from map(UnitKey._make, self._db.execute(sql))

    def rows(self, unit: str) -> Iterator[Row]:
        """The rows of a unit by number, then by line."""
        pending: list[Row] = []
        sql = "SELECT first, body FROM run WHERE unit = ? ORDER BY first, line"
        for first, body in self._db.execute(sql, (unit,)):
            rows, start = self._decode(body), int(first)
            if pending and self.number_of(pending[-1]) >= start:  # runs overlap: the file is not in order of numbers
                yield from (row for row in pending if self.number_of(row) < start)
                later = [row for row in pending if self.number_of(row) >= start]
                rows = sorted(later + rows, key=lambda row: (self.number_of(row), row.line))
            else:
                yield from pending
            pending = rows
        yield from pending

    def suspects(self, unit: str) -> list[tuple[int, int, str]]:
        """Number, cause and mark of what is suspected in a unit, by number."""
        sql = "SELECT number, cause, mark FROM suspect WHERE unit = ? ORDER BY number, cause"
        return [(int(number), cause, mark) for number, cause, mark in self._db.execute(sql, (unit,))]

    def refusals(self) -> Iterator[tuple[int, str]]:
        """Line and reason of each refused row, by line."""
        yield from self._db.execute("SELECT line, reason FROM refused ORDER BY line")

    def _suspect(self, suspects: Iterable[Suspect], cause: int) -> None:
        self._db.executemany(
            "INSERT INTO suspect VALUES (?, ?, ?, ?)",
            [(unit, f"{number:020}", cause, mark) for unit, number, mark in suspects],
        )

    def _refuse(self, line: int, reason: str) -> None:
        self.refused_count += 1
        self._db.execute("INSERT INTO refused VALUES (?, ?)", (line, reason))

    def _write_all(self) -> None:
        self._write(self._runs.values())
        self._runs.clear()
        self._open_rows = 0

    def _write(self, runs: Iterable[_Run[Row]]) -> None:
        self._db.executemany("INSERT INTO run VALUES (?, ?, ?, ?, ?, ?, ?)", map(self._to_record, runs))

    def _to_record(self, run: _Run[Row]) -> tuple[object, ...]:
        at = run.at.isoformat() if run.at else ""
        key = (run.place.unit, f"{run.place.number:020}", at, repr(run.place.party))
        return (*key, run.rows[0].line, len(run.rows), self._encode(run.rows))
