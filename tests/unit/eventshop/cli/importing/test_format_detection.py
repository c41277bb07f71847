"""The format of a file is found out or given; what is not clear is refused with the option to use."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from eventshop.cli.importing.errors import BrokenRow, UnclearFormat, WrongHeader
from eventshop.cli.importing.file_format import FileFormat, FileLayout, FormatOptions, parse_time
from eventshop.cli.importing.format_detection import find_format, suggest_encoding

LAYOUT = FileLayout(("Number", "Price", "Date"), aliases={"invoice": "Number"}, decimals=("Price",), time="Date")
ROW = "1,2.55,2010-12-01 08:26:00"


def format_of(folder: Path, *lines: str, written_in: str = "utf-8", **options: object) -> FileFormat:
    path = folder / "rows.csv"
    path.write_bytes("".join(f"{line}\n" for line in lines).encode(written_in))
    return find_format(path, LAYOUT, FormatOptions(**options))  # type: ignore[arg-type]  # each test gives valid ones


def first_row(folder: Path, *lines: str, written_in: str = "utf-8", **options: object) -> list[object]:
    found = format_of(folder, *lines, written_in=written_in, **options)
    number, price, date = found.cells(lines[1].encode(found.encoding))
    return [number, price, parse_time(date, found.dates)]


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("Number,Price,Date", ROW),
        ("\ufeffNumber,Price,Date", ROW),
        ("Number;Price;Date", "1;2,55;2010-12-01 08:26:00"),
        ("Number\tPrice\tDate", "1\t2.55\t2010-12-01T08:26"),
        ('"Number","Price","Date"', '"1","2.55","1.12.2010 8:26"'),
        ("'Number'|'Price'|'Date'", "'1'|'2.55'|'13.12.10 8:26'"),
        ("date,note,PRICE,Invoice", "2010-12-01 08:26,note,2.55,1"),
    ],
)
def test_delimiter_quotes_columns_decimal_mark_and_dates_are_found(tmp_path: Path, header: str, row: str) -> None:
    day = 13 if "13" in row else 1
    assert first_row(tmp_path, header, row) == ["1", "2.55", datetime(2010, 12, day, 8, 26)]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
def test_wide_encodings_are_found_by_their_mark(tmp_path: Path, encoding: str) -> None:
    found = format_of(tmp_path, "Number,Price,Date", ROW, written_in=encoding)
    assert (found.file_encoding, found.encoding) == (encoding, "utf-8")


def test_everything_can_be_given(tmp_path: Path) -> None:
    header, row = "Nr!Präis!Datum", "1!1,250!01-02-2011, 8.26"
    options = {
        "encoding": "cp1252",
        "decimal": ",",
        "dates": "%d-%m-%Y, %H.%M",
        "columns": {"Number": "Nr", "Price": "Präis", "Date": "Datum"},
    }
    expected = ["1", "1.250", datetime(2011, 2, 1, 8, 26)]
    assert first_row(tmp_path, header, row, written_in="cp1252", delimiter="!", **options) == expected


@pytest.mark.parametrize(("other", "month"), [("1/13/2011 9:00", 12), ("13/1/2011 9:00", 1)])
def test_one_day_above_twelve_decides_for_the_whole_file(tmp_path: Path, other: str, month: int) -> None:
    found = format_of(tmp_path, "Number,Price,Date", "1,2.55,12/1/2010 8:26", f"2,2.55,{other}")
    assert parse_time("12/1/2010 8:26", found.dates).month == month


def test_dates_that_may_be_read_in_two_ways_are_refused_with_the_option(tmp_path: Path) -> None:
    unclear = ["1,2.55,12/1/2010 8:26", "2,2.55,1/2/2011 9:00"]
    contradicting = ["1,2.55,12/13/2010 8:26", "2,2.55,13/12/2010 9:00"]
    for rows in (unclear, contradicting):
        with pytest.raises(UnclearFormat, match=r"rows\.csv: .*12/1.*--dates '%m/%d/%Y %H:%M'.*'%d/%m/%Y %H:%M'"):
            format_of(tmp_path, "Number,Price,Date", *rows)
        given = format_of(tmp_path, "Number,Price,Date", *rows, dates="%m/%d/%Y %H:%M")
        assert parse_time("12/1/2010 8:26", given.dates) == datetime(2010, 12, 1, 8, 26)


def test_a_comma_that_may_stand_for_thousands_is_refused_with_the_option(tmp_path: Path) -> None:
    header, row = "Number;Price;Date", "1;1,250;2010-12-01 08:26:00"
    with pytest.raises(UnclearFormat, match=r"1,250 .*--decimal ,"):
        format_of(tmp_path, header, row)
    assert first_row(tmp_path, header, row, decimal=",")[1] == "1.250"
    clear = format_of(tmp_path, header, row, row.replace("1,250", "1,25"))
    assert clear.cells(row.encode())[1] == "1.250"
    with pytest.raises(BrokenRow, match="Price '1\\.250' has a point"):
        clear.cells(row.replace(",", ".").encode())


@pytest.mark.parametrize("header", ["Number,Price", "Number,Price,Datum", "Number,Price,Date,DATE", "", "\x89PNG"])
def test_another_header_is_refused_with_the_option(tmp_path: Path, header: str) -> None:
    with pytest.raises(WrongHeader, match=r"rows\.csv:1: .*(--columns Date=NAME|--delimiter)"):
        format_of(tmp_path, header, ROW)


def test_the_header_may_have_to_say_which_of_two_columns_is_meant(tmp_path: Path) -> None:
    given = format_of(tmp_path, "Number,Price,Date,DATE", f"{ROW},x", columns={"Date": "Date"})
    assert given.positions == (0, 1, 2)


def test_of_a_broken_line_is_read_what_is_not_perhaps_cut_off(tmp_path: Path) -> None:
    found = format_of(tmp_path, "Note,Date,Price,Number", "x,2010-12-01 08:26,2.55,1")
    assert found.readable_cells(b'x,2010,"2.55,1') == ["1", "2.55", "2010"]
    assert found.readable_cells(b'"\xff, x",2010,2.55,1') == ["1", "2.55", "2010"]
    assert found.readable_cells(b"x,2010,2.5") == ["", "", "2010"]


def test_an_encoding_is_suggested_by_the_lines_that_are_not_ascii(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(b"plain\n" * 5_000 + "Crème brûlée à l’orange, 5 £\nCafé für Ängstliche\n".encode("cp1252"))
    assert suggest_encoding(path) == "cp1252"
