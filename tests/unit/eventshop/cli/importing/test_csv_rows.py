"""Files for import are read line by line, plain or gzip; every fault is named with its place."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from eventshop.cli.importing.csv_rows import MAX_LINE_BYTES, parse_cells, quote_cell, read_data_lines
from eventshop.cli.importing.errors import BrokenRow, UnreadableFile, WrongHeader

HEADER = "sku,quantity"


def write_file(folder: Path, content: bytes, name: str = "rows.csv") -> Path:
    path = folder / name
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    return path


@pytest.mark.parametrize("name", ["rows.csv", "rows.csv.gz"])
def test_each_line_after_the_header_comes_with_its_number(tmp_path: Path, name: str) -> None:
    path = write_file(tmp_path, b"sku,quantity\r\na,1\n\nb,2", name)
    assert list(read_data_lines(path, HEADER)) == [(2, b"a,1"), (3, b""), (4, b"b,2")]


@pytest.mark.parametrize("content", [b"", b"sku,quantity\n"])
def test_a_file_without_a_row_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(UnreadableFile):
        list(read_data_lines(write_file(tmp_path, content), HEADER))


def test_another_header_is_refused_before_any_row(tmp_path: Path) -> None:
    with pytest.raises(WrongHeader, match=r"rows\.csv:1: .*sku,quantity.*'sku'"):
        next(read_data_lines(write_file(tmp_path, b"sku\na\n"), HEADER))


def test_a_truncated_gzip_file_gives_the_rows_before_the_damage(tmp_path: Path) -> None:
    path = write_file(
        tmp_path, b"sku,quantity\n" + b"".join(b"%d,1\n" % number for number in range(50_000)), "r.csv.gz"
    )
    path.write_bytes(path.read_bytes()[:-20])
    rows = read_data_lines(path, HEADER)
    assert next(rows) == (2, b"0,1")
    with pytest.raises(UnreadableFile, match=r"r\.csv\.gz: .*\b\d+\b"):
        list(rows)


def test_a_line_that_never_ends_takes_no_memory(tmp_path: Path) -> None:
    path = write_file(tmp_path, b"sku,quantity\n" + b"x" * 10 * MAX_LINE_BYTES + b"\nb,2\n")
    (_, long), last = read_data_lines(path, HEADER)
    assert len(long) == MAX_LINE_BYTES and last == (3, b"b,2")
    with pytest.raises(BrokenRow):
        parse_cells(long)


def test_cells_keep_quoted_commas_and_refuse_what_is_no_csv() -> None:
    assert parse_cells(b'a,"b,c","d ""e"""') == ["a", "b,c", 'd "e"']
    assert parse_cells(b"") == []
    with pytest.raises(BrokenRow, match="byte 3"):
        parse_cells(b"ab\xff")
    with pytest.raises(BrokenRow, match="quotes"):
        parse_cells(b'a,"b"c')


def test_a_cell_in_an_error_text_is_short() -> None:
    assert quote_cell("six") == "'six'"
    assert len(quote_cell("x" * 1_000)) == 53
