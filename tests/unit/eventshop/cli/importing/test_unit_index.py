"""Rows are found again by unit, in the order of the units, wherever they stand in the file."""

from __future__ import annotations

import tracemalloc
from datetime import UTC, datetime, timedelta

import pytest
from msgspec import Struct

from eventshop.cli.importing import unit_index
from eventshop.cli.importing.unit_index import Placement, Suspect, UnitIndex

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Row(Struct, frozen=True, array_like=True):
    line: int
    number: int
    at: datetime = NOON


def filled(*rows: tuple[str, int], party: tuple[str, ...] = ()) -> UnitIndex[Row]:
    """An index of rows with these units and numbers, in lines from 2; each a minute before the one before it."""
    index = UnitIndex(Row, lambda row: row.number)
    for line, (unit, number) in enumerate(rows, start=2):
        at = NOON - timedelta(minutes=line)
        index.add(Row(line, number, at), Placement(unit, number, at, party))
    return index


def contents(index: UnitIndex[Row]) -> dict[str, list[tuple[int, int]]]:
    index.finish()
    return {key.unit: [(row.number, row.line) for row in index.rows(key.unit)] for key in index.units()}


@pytest.mark.parametrize("longest_run", [1, 2, 1_000])
def test_rows_come_by_number_and_line_and_units_by_their_earliest_time(
    monkeypatch: pytest.MonkeyPatch, longest_run: int
) -> None:
    monkeypatch.setattr(unit_index, "MAX_RUN_ROWS", longest_run)
    with filled(("b", 5), ("b", 6), ("a", 1), ("b", 4), ("b", 5), ("b", 6), ("b", 7), ("a", 2)) as index:
        assert list(contents(index).items()) == [
            ("a", [(1, 4), (2, 9)]),
            ("b", [(4, 5), (5, 2), (5, 6), (6, 3), (6, 7), (7, 8)]),
        ]


def test_a_unit_of_several_parties_says_so_and_can_be_refused() -> None:
    with filled(("a", 1), ("b", 1), party=("x",)) as index:
        index.add(Row(4, 2), Placement("a", 2, NOON, ("y",)))
        index.finish()
        [mixed] = [key for key in index.units() if key.parties > 1]
        index.refuse_unit(mixed, "two parties")
        assert [key.unit for key in index.units()] == ["b"]
        assert list(index.refusals()) == [(2, "two parties"), (4, "two parties")]
        assert (index.row_count, index.refused_count) == (3, 2)


def test_a_broken_row_names_the_units_that_it_may_belong_to() -> None:
    with filled(("536365/sale", 1), ("7/sale", 1)) as index:
        index.refuse(9, "by its number", [Suspect("536365/sale"), Suspect("536366/sale")])
        index.refuse(10, "by the rest of it", [Suspect("7", mark="*")])
        index.refuse(11, "by its neighbours", neighbours=True)
        index.add(Row(12, 1), Placement("8/sale", 1))
        index.add(Row(13, 1), Placement("9/sale", 1))
        index.finish()
        assert {key.unit: key.cause for key in index.units()} == {
            "536365/sale": 9,
            "7/sale": 10,
            "8/sale": 11,
            "9/sale": None,
        }
        assert index.suspects("7/sale") == [(0, 10, ""), (0, 11, "")]


def test_memory_does_not_grow_with_the_file() -> None:
    def peak_of(rows: int) -> int:
        tracemalloc.start()
        with UnitIndex(Row, lambda row: row.number) as index:
            for number in range(rows):
                index.add(Row(number, number), Placement(f"{number // 20}", number))
            index.finish()
            assert sum(1 for key in index.units() for _ in index.rows(key.unit)) == rows
            _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return peak

    assert peak_of(40_000) < peak_of(4_000) + 100_000
