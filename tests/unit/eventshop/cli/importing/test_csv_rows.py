"""Files for import are read line by line; every fault is named with its place."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from eventshop.cli.importing.csv_rows import MAX_LINE_BYTES, quote_cell, read_lines, split_cells
from eventshop.cli.importing.errors import BrokenCells, BrokenRow, UnreadableFile


def write_file(folder: Path, content: bytes, name: str = "rows.csv") -> Path:
    path = folder / name
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    return path


@pytest.mark.parametrize("name", ["rows.csv", "rows.csv.gz"])
def test_each_line_comes_with_its_number(tmp_path: Path, name: str) -> None:
    path = write_file(tmp_path, b"sku,quantity\r\na,1\n\nb,2", name)
    assert list(read_lines(path)) == [(1, b"sku,quantity"), (2, b"a,1"), (3, b""), (4, b"b,2")]


def test_blank_lines_at_the_end_are_no_rows(tmp_path: Path) -> None:
    assert list(read_lines(write_file(tmp_path, b"a\n\nb\n\r\n\n"))) == [(1, b"a"), (2, b""), (3, b"b")]


def test_a_byte_order_mark_is_not_part_of_the_first_cell(tmp_path: Path) -> None:
    assert list(read_lines(write_file(tmp_path, b"\xef\xbb\xbfsku\na\n"))) == [(1, b"sku"), (2, b"a")]
    wide = write_file(tmp_path, "sku\né\u0a0a\n".encode("utf-16"))
    assert list(read_lines(wide, "utf-16")) == [(1, b"sku"), (2, "é\u0a0a".encode())]


@pytest.mark.parametrize("content", [b"", b"\n\n"])
def test_an_empty_file_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(UnreadableFile, match="empty"):
        list(read_lines(write_file(tmp_path, content)))


def test_a_file_that_is_not_in_its_wide_encoding_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match="UTF-16"):
        list(read_lines(write_file(tmp_path, b"\xff\xfea\x00\n"), "utf-16"))


def test_a_truncated_gzip_file_gives_the_rows_before_the_damage(tmp_path: Path) -> None:
    path = write_file(tmp_path, b"".join(b"%d,1\n" % number for number in range(50_000)), "r.csv.gz")
    path.write_bytes(path.read_bytes()[:-20])
    rows = read_lines(path)
    assert next(rows) == (1, b"0,1")
    with pytest.raises(UnreadableFile, match=r"r\.csv\.gz: .*\b\d+\b"):
        list(rows)


def test_a_line_that_never_ends_takes_no_memory(tmp_path: Path) -> None:
    path = write_file(tmp_path, b"sku,quantity\n" + b"x" * 10 * MAX_LINE_BYTES + b"\nb,2\n")
    _, (_, long), last = read_lines(path)
    assert len(long) == MAX_LINE_BYTES and last == (3, b"b,2")
    with pytest.raises(BrokenCells):
        split_cells(long)


def test_cells_keep_quoted_commas_and_refuse_what_is_no_csv() -> None:
    assert split_cells(b'a,"b,c","d ""e"""') == ["a", "b,c", 'd "e"']
    assert split_cells(b"") == []
    assert split_cells(b"a;'b;c'", delimiter=";", quote="'") == ["a", "b;c"]
    with pytest.raises(BrokenRow, match=r"byte 3 .*UTF-8"):
        split_cells(b"ab\xff")
    with pytest.raises(BrokenCells, match="quotes"):
        split_cells(b'a,"b"c')


def test_a_cell_in_an_error_text_is_short() -> None:
    assert quote_cell("six") == "'six'"
    assert len(quote_cell("x" * 1_000)) == 53
