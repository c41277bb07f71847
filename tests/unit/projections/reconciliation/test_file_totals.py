"""The sums of a file's rows are the control totals that others computed from it."""

from __future__ import annotations

import json
from pathlib import Path
from zipfile import ZipFile

import pytest

from eventshop.cli.importing.file_format import FormatOptions
from projections.management.commands.verify_sales import flatten_section, totals_of_file
from projections.reconciliation.cancellation_events import MATCHING
from projections.reconciliation.control_totals import values_match
from projections.reconciliation.sales_file import UnreadableSales, read_sales
from tests.support.retail_files import csv_line, write_sales_file
from tests.support.retail_import import CONTROL_TOTALS, MONTH


@pytest.mark.data
def test_every_total_that_needs_no_matching_is_that_of_the_books() -> None:
    books = dict(flatten_section(json.loads(CONTROL_TOTALS.read_bytes())["online_retail_2010-12"]))
    totals = totals_of_file(read_sales(MONTH))
    assert set(books) - set(totals) == {f"cancel_line_matching.{name}" for name in MATCHING}
    assert [name for name, value in totals.items() if not values_match(books[name], value)] == []


def test_a_file_without_rows_has_totals_too(tmp_path: Path) -> None:
    totals = totals_of_file(read_sales(write_sales_file(tmp_path)))
    assert (totals["rows"], totals["gross_sales"], totals["first"], totals["lowest_net"]) == (0, 0, "", [])


def test_another_table_is_refused_with_its_header(tmp_path: Path) -> None:
    with pytest.raises(UnreadableSales, match=r"sales\.csv.*InvoiceNo"):
        read_sales(write_sales_file(tmp_path, csv_line(), header="a,b"))


def test_what_the_importer_reads_is_verified_too(tmp_path: Path) -> None:
    plain = totals_of_file(read_sales(write_sales_file(tmp_path, csv_line(price="1234.5"))))
    text = "InvoiceNo;StockCode;Description;Quantity;InvoiceDate;UnitPrice;CustomerID;Country\n"
    text += "536365;71053;LANTERNE “CAFÉ”;6;01.12.2010 08:26;1234,5;17850,0;United Kingdom\n"
    with ZipFile(tmp_path / "sales.zip", "w") as archive:
        archive.writestr("sales.csv", text.encode("cp1252"))
    with pytest.raises(UnreadableSales, match=r"line 2.*--encoding"):
        read_sales(tmp_path / "sales.zip", FormatOptions(dates="%d.%m.%Y %H:%M"))
    options = FormatOptions(encoding="cp1252", dates="%d.%m.%Y %H:%M")
    assert totals_of_file(read_sales(tmp_path / "sales.zip", options)) == plain
