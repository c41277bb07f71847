"""Every line of the file is parsed into a row, or refused with a reason."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from eventshop.cli.importing.csv_rows import MAX_LINE_BYTES
from eventshop.cli.importing.errors import UnreadableFile, WrongHeader
from eventshop.core.money import Money
from orders.importers.online_retail.importer import OnlineRetailImporter
from orders.importers.online_retail.parsing import HEADER, Row
from tests.support.command_output import numbers_in
from tests.support.raised import caused_by, with_data
from tests.support.read_file import read_file
from tests.support.retail_files import csv_line, write_sales_file


def parse_file(path: Path) -> tuple[list[Row], dict[int, str]]:
    """The valid rows, and the reasons by line of the others."""
    file = read_file(OnlineRetailImporter(), path)
    return file.rows, file.refused


def test_a_row_is_typed_and_knows_its_line(tmp_path: Path) -> None:
    assert parse_file(write_sales_file(tmp_path, csv_line())) == (
        [
            Row(
                line=2,
                invoice="536365",
                sku="71053",
                description="WHITE METAL LANTERN",
                quantity=6,
                at=datetime(2010, 12, 1, 8, 26, tzinfo=UTC),
                price=Money(Decimal("3.39"), "GBP"),
                customer="17850",
                country="United Kingdom",
            )
        ],
        {},
    )


def test_a_compressed_file_reads_the_same(tmp_path: Path) -> None:
    assert parse_file(write_sales_file(tmp_path, csv_line(), name="sales.csv.gz")) == parse_file(
        write_sales_file(tmp_path, csv_line())
    )


def test_times_are_the_shops_own(tmp_path: Path) -> None:
    [summer], _ = parse_file(write_sales_file(tmp_path, csv_line(at="2011-07-01 08:26:00")))
    assert (summer.at, summer.at.tzinfo) == (datetime(2011, 7, 1, 7, 26, tzinfo=UTC), UTC)


@pytest.mark.parametrize(("cell", "customer"), [("17850.0", "17850"), ("17850", "17850"), ("", "")])
def test_a_customer_is_a_number_without_its_tail_or_nobody(tmp_path: Path, cell: str, customer: str) -> None:
    [row], _ = parse_file(write_sales_file(tmp_path, csv_line(customer=cell)))
    assert row.customer == customer


def test_texts_are_kept_exactly_as_written(tmp_path: Path) -> None:
    [row], _ = parse_file(
        write_sales_file(tmp_path, csv_line(sku="85123a", description='"SET OF 6 ""TEA, TIME"" MUGS "'))
    )
    assert (row.sku, row.description) == ("85123a", 'SET OF 6 "TEA, TIME" MUGS ')


def test_a_price_may_have_three_decimals_and_may_be_nothing(tmp_path: Path) -> None:
    rows, _ = parse_file(
        write_sales_file(tmp_path, csv_line(price="0.001"), csv_line(price="0"), csv_line(price="-0.0"))
    )
    assert [str(row.price.amount) for row in rows] == ["0.001", "0", "0.0"]


def test_line_ends_of_windows_are_line_ends(tmp_path: Path) -> None:
    path = tmp_path / "sales.csv"
    path.write_bytes(f"{HEADER}\r\n{csv_line()}\r\n{csv_line()}".encode())
    rows, refused = parse_file(path)
    assert ([row.line for row in rows], [row.country for row in rows], refused) == ([2, 3], ["United Kingdom"] * 2, {})


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        ("", "0 columns instead of 8"),
        ("garbage", "1 columns instead of 8"),
        (csv_line() + ",", "9 columns instead of 8"),
        (csv_line(description='"LANTERN'), "malformed quotes: unexpected end of data"),
        (csv_line(invoice=""), "InvoiceNo '' is not digits, or C and digits"),
        (csv_line(invoice="D536365"), "InvoiceNo 'D536365' is not digits"),
        (csv_line(invoice="A563185", customer=""), "InvoiceNo A563185 adjusts a bad debt"),
        (csv_line(invoice="٥٣٦"), "is not digits"),
        (csv_line(sku=""), "StockCode is empty"),
        (csv_line(sku="x" * 201), "is longer than 200 characters"),
        (csv_line(description="x" * 201), "Description 'xxxxx"),
        (csv_line(description="a\x00b"), r"Description 'a\x00b' must not contain U+0000 (control character)"),
        (csv_line(country="a\tb"), r"Country 'a\tb' must not contain U+0009 (control character)"),
        (csv_line(country="a\u202eb"), "must not contain U+202E (right-to-left override)"),
        (csv_line(quantity="six"), "Quantity 'six' is not a whole number"),
        (csv_line(quantity="6.0"), "Quantity '6.0' is not a whole number"),
        (csv_line(quantity=""), "Quantity '' is not a whole number"),
        (csv_line(quantity="0"), "Quantity is 0"),
        (csv_line(quantity="10000001"), "Quantity 10000001 is more than 10000000"),
        (csv_line(quantity="9" * 5000), "is not a whole number"),
        (csv_line(invoice="C536365"), "Quantity 6 of a cancellation is not negative"),
        (csv_line(quantity="-6"), "a write-off must not have a UnitPrice, but has 3.39"),
        (csv_line(at="yesterday"), "InvoiceDate 'yesterday' is not a time like 2010-12-01 08:26:00"),
        (csv_line(at="2010-12-01T08:26:00"), "InvoiceDate '2010-12-01T08:26:00' is not a time"),
        (csv_line(at="2010-12-01 08:26:00+01:00"), "is not a time"),
        (csv_line(at="2010-02-30 08:26:00"), "InvoiceDate '2010-02-30 08:26:00' is not a time"),
        (csv_line(at="9999-99-99 00:00:00"), "is not a time"),
        (csv_line(price="free"), "UnitPrice 'free' is not an amount like 2.55"),
        (csv_line(price="NaN"), "UnitPrice 'NaN' is not an amount"),
        (csv_line(price="1e3"), "UnitPrice '1e3' is not an amount"),
        (csv_line(price="1.2345"), "UnitPrice 1.2345 has more than 3 decimals"),
        (csv_line(price="-3.39"), "UnitPrice -3.39 is negative"),
        (csv_line(customer="17850.5"), "CustomerID '17850.5' is not a number like 17850.0"),
        (csv_line(customer="Ada"), "CustomerID 'Ada' is not a number"),
        (csv_line(description="x" * MAX_LINE_BYTES), f"the line is longer than {MAX_LINE_BYTES} bytes"),
        (csv_line(description="x" * MAX_LINE_BYTES * 3), f"the line is longer than {MAX_LINE_BYTES} bytes"),
    ],
)
def test_a_broken_line_is_named_and_the_next_one_is_read(tmp_path: Path, broken: str, reason: str) -> None:
    rows, refused = parse_file(write_sales_file(tmp_path, csv_line(), broken, csv_line()))
    assert [row.line for row in rows] == [2, 4]
    assert list(refused) == [3]
    assert reason in refused[3]
    assert len(refused[3]) < 300


def test_bytes_that_are_no_text_break_their_line_only(tmp_path: Path) -> None:
    path = tmp_path / "sales.csv"
    path.write_bytes(f"{HEADER}\n{csv_line()}\n".encode() + b"536365,\xff\xfe,x\n" + csv_line().encode())
    rows, refused = parse_file(path)
    assert [row.line for row in rows] == [2, 4]
    assert numbers_in(refused[3]) == [8]


@pytest.mark.parametrize("header", ["", "id,price", HEADER.replace("Country", "Land"), f"{HEADER},country", "\x89PNG"])
def test_another_header_is_another_kind_of_file(tmp_path: Path, header: str) -> None:
    with pytest.raises(WrongHeader, match=r"sales\.csv:1: .*(--columns|--delimiter)"):
        parse_file(write_sales_file(tmp_path, csv_line(), header=header))


def test_a_file_without_rows_is_told(tmp_path: Path) -> None:
    (tmp_path / "empty.csv").touch()
    for path in (write_sales_file(tmp_path), tmp_path / "empty.csv"):
        with pytest.raises(UnreadableFile, check=with_data(file=str(path))):
            parse_file(path)


def test_a_file_that_is_not_there_or_is_a_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, check=caused_by(FileNotFoundError)):
        parse_file(tmp_path / "nowhere.csv")
    with pytest.raises(UnreadableFile, check=caused_by(IsADirectoryError)):
        parse_file(tmp_path)


def test_damaged_gzip_is_told_with_the_line_it_was_good_for(tmp_path: Path) -> None:
    content = gzip.compress("".join(f"{text}\n" for text in (HEADER, *[csv_line()] * 1000)).encode())
    path = tmp_path / "sales.csv.gz"
    damaged = content[: len(content) // 2] + b"\x00\xff\x00" * 10 + content[len(content) // 2 :]
    for broken in (content[:-20], content[:-1], damaged):
        path.write_bytes(broken)
        with pytest.raises(UnreadableFile, match=r"sales\.csv\.gz: .*\b\d+\b"):
            parse_file(path)
