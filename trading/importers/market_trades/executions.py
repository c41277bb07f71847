"""Executions: the units of the file. An execution is the fills of one taker order in one sweep through the order book.

They are found by the venue's numbers, so that the order of the rows in the file does not matter.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import chain
from typing import Final, TypeAlias

from msgspec.structs import replace

from eventshop.cli.importing.importer import FileUnit
from eventshop.cli.importing.unit_index import Placement, Suspect, UnitIndex
from trading.domain.events import MAX_FILLS, Side
from trading.importers.market_trades.parsing import LAYOUT, Row, parse_milliseconds

#: Consecutive fills of one instrument with the same side and millisecond.
Execution: TypeAlias = list[Row]
#: Of a broken row: the number it has or follows, its line, and the time and side that can be read, such as `/BUY`.
SuspectPlace: TypeAlias = tuple[int, int, str]
_NO_NUMBER: Final = 10**20


def group_executions(rows: Iterable[Row]) -> Iterator[Execution]:
    """Group the rows of one instrument, which are in order of their numbers, into executions."""
    execution: Execution = []
    for row in rows:
        if execution and not _continues(execution, row):
            yield execution
            execution = []
        execution.append(row)
    if execution:
        yield execution


def read_executions(index: UnitIndex[Row]) -> Iterator[FileUnit[Row]]:
    """The executions of a file, one instrument after the other.

    One that a broken row may belong to is held back as a whole, and so is one with two versions of a fill. The same
    fill on the other side is no other version, since both sides of a trade may be ours: these are another execution.
    """
    for instrument in index.units():
        suspects = index.suspects(instrument.unit)
        repeated: dict[int, list[Row]] = {}  # by number: the rows that say it again
        executions = group_executions(_drop_repeated(index.rows(instrument.unit), repeated))
        previous_last, execution = -1, next(executions)
        while execution:
            following: Execution = next(executions, [])
            next_first = following[0].number if following else _NO_NUMBER
            yield from _units(execution, _cause(suspects, execution, previous_last, next_first), repeated)
            previous_last, execution = execution[-1].number, following


def suspect_places(
    cells: list[str], last_numbers: dict[str, int], known: Collection[str], *, misshapen: bool
) -> list[Suspect]:
    """The places where a broken row may belong, by what can be read of it; else after the rows before it in the file.

    `last_numbers` are those of the last valid rows of each instrument, `known` the codes of all instruments.
    """
    read = dict(zip(LAYOUT.columns, cells, strict=True))
    code = f"{read['market']}/{read['symbol']}"
    codes = [code] if code in known else list(known)
    has_number = read["trade_id"].isascii() and read["trade_id"].isdigit() and len(read["trade_id"]) <= 20
    number = int(read["trade_id"]) if has_number else None
    mark = ""
    if not misshapen:
        with suppress(ValueError, ArithmeticError):
            mark = f"{parse_milliseconds(read['traded_at_ms']).isoformat()}/"
        mark = (mark or "/") + (read["taker_side"] if read["taker_side"] in list(Side) else "")
    return [Suspect(code, last_numbers.get(code, 0) if number is None else number, mark) for code in codes]


def place_row(row: Row) -> Placement:
    return Placement(row.code, row.number)


def _continues(execution: Execution, row: Row) -> bool:
    last = execution[-1]
    return last.fill.at == row.fill.at and last.side is row.side and len(execution) < MAX_FILLS


def _drop_repeated(rows: Iterable[Row], repeated: dict[int, list[Row]]) -> Iterator[Row]:
    number = -1
    for row in rows:
        if row.number == number:
            repeated.setdefault(number, []).append(row)
        else:
            number = row.number
            yield row


def _units(execution: Execution, cause: int | None, repeated: dict[int, list[Row]]) -> Iterator[FileUnit[Row]]:
    name = f"execution {execution[0].fill.venue_trade_id}"
    said_again = {row: repeated.pop(row.number) for row in execution if row.number in repeated} if repeated else {}
    for row, others in said_again.items():
        for other in others:
            if other.fill != row.fill:
                number, rows = row.fill.venue_trade_id, [*execution, *chain.from_iterable(said_again.values())]
                conflict = f"trade_id {number} has other contents in line {row.line} and {other.line}"
                yield FileUnit(name, rows, conflict)
                return
    held_back = f"held back with the rest of {name}, see line {cause}" if cause is not None else ""
    other_side = [
        replace(other, is_other_side=True)
        for row, others in said_again.items()
        for other in [other for other in others if other.side is not row.side][:1]
    ]
    same_side = sum(other.side is row.side for row, others in said_again.items() for other in others)
    yield FileUnit(name, execution, held_back, duplicates=same_side)
    if other_side:
        duplicates = sum(map(len, said_again.values())) - same_side - len(other_side)
        yield FileUnit(f"{name}, other side", other_side, held_back, duplicates=duplicates)


def _cause(suspects: Sequence[SuspectPlace], execution: Execution, previous_last: int, next_first: int) -> int | None:
    """The line of a broken row that may belong to this execution."""
    if not suspects:
        return None
    first, last = execution[0].number, execution[-1].number
    around = _between(suspects, previous_last, first) + _between(suspects, last, next_first)
    fitting = [place for place in around if _may_fit(place[2], execution[0])]
    return min((line for _, line, _ in _between(suspects, first, last) + fitting), default=None)


def _between(suspects: Sequence[SuspectPlace], low: int, high: int) -> list[SuspectPlace]:
    """The suspects with `low` <= number < `high`."""
    start, end = (bisect_left(suspects, number, key=lambda place: place[0]) for number in (low, high))
    return list(suspects[start:end])


def _may_fit(mark: str, row: Row) -> bool:
    at, _, side = mark.partition("/")
    return at in ("", row.at.isoformat()) and side in ("", row.side)
