"""Reported cases of the importers."""

from __future__ import annotations

import gzip
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest

from eventshop.cli.importing import import_run
from eventshop.cli.importing.base_command import ROWS_REFUSED, STOPPED_AT_AN_ERROR
from eventshop.eventstore.models import StoredEvent
from orders.importers.online_retail.commands import customer_id, order_id
from orders.importers.online_retail.parsing import HEADER
from projections.models import ExternalId
from tests.support.database import empty_tables
from tests.support.retail_files import csv_line, write_sales_file
from tests.support.retail_import import MONTH, ImportRun, imported_history, run_projections

pytestmark = pytest.mark.usefixtures("clean_database")

SEVENTEEN = [csv_line("536365", f"sku-{number}") for number in range(17)]


def orders_of(*numbers: str) -> int:
    return StoredEvent.objects.filter(aggregate_id__in=map(order_id, numbers), event_type="OrderCreated").count()


@pytest.mark.parametrize(
    "broken",
    [
        csv_line("536365", "sku-8", "CAF\udce9"),
        csv_line("536365", "sku-8", '"HALF A QUOTE'),
        csv_line("536365", "sku-8")[:20],
        csv_line("53636\udce9", "sku-8"),
        csv_line("53636", "sku-8")[:5],
        csv_line("", "sku-8"),
        csv_line("536365", "sku-8", "MUG FOR ada@example.org"),
        csv_line("536365", "ada@example.org"),
        csv_line("536365", "sku-8", quantity="many"),
        f"{csv_line('536365', 'sku-8')}{csv_line('536366', 'sku-8')}",
        "",
    ],
)
def test_an_invoice_with_one_broken_row_is_held_back_as_a_whole(tmp_path: Path, broken: str) -> None:
    """A byte of another encoding in one of 17 rows, `--on-error skip`: the whole invoice is held back."""
    lines = [*SEVENTEEN[:8], broken, *SEVENTEEN[9:], csv_line("536367"), csv_line("536401")]
    run = ImportRun(write_sales_file(tmp_path, *lines), "--on-error", "skip")
    assert (run.code, run.rows[3], orders_of("536365"), orders_of("536401")) == (ROWS_REFUSED, 1, 0, 1)
    mended = ImportRun(write_sales_file(tmp_path, *SEVENTEEN, csv_line("536367"), csv_line("536401")))
    assert (mended.code, orders_of("536365", "536367")) == (0, 2)
    created = StoredEvent.objects.get(aggregate_id=order_id("536365"), event_type="OrderCreated")
    assert created.payload.count('"sku"') == 17


def test_another_encoding_is_named_with_the_option_that_reads_it(tmp_path: Path) -> None:
    path = write_sales_file(tmp_path)
    text = [csv_line(str(number), description="CAFÉ “CRÈME”, 5 £".replace(",", "")) for number in range(50)]
    path.write_bytes(f"{HEADER}\n".encode() + "\n".join(text).encode("cp1252"))
    refused = ImportRun(path)
    assert refused.code == STOPPED_AT_AN_ERROR
    assert "--encoding cp1252" in refused.warnings[0]
    read = ImportRun(path, "--encoding", "cp1252")
    assert (read.code, read.rows[1]) == (0, 50)
    assert "CAFÉ “CRÈME” 5 £" in StoredEvent.objects.filter(event_type="OrderCreated")[0].payload


def year_of_sales(chance: Random) -> list[list[str]]:
    """The rows of 40 invoices of two customers and two products by time: sales, and cancellations of some of them."""
    invoices = []
    for number in range(40):
        cancels = chance.random() < 0.4
        invoices.append(
            [
                csv_line(
                    f"{'C' if cancels else ''}{1000 + number}",
                    chance.choice(("71053", "21212")),
                    quantity=str(-chance.randint(1, 3) if cancels else chance.randint(1, 5)),
                    at=f"2010-12-{1 + number // 2:02} 08:{chance.randint(0, 59):02}:00",
                    customer=customer,
                )
                for customer in [chance.choice(("17850.0", "13047.0"))]
                for _ in range(chance.randint(1, 3))
            ]
        )
    return invoices


@pytest.mark.parametrize("seed", range(5))
def test_a_file_that_is_cut_gives_the_same_as_one_file(tmp_path: Path, seed: int) -> None:
    """December and January as two files instead of one: the same returns and credit notes."""
    chance = Random(seed)
    invoices = year_of_sales(chance)
    cuts = [0, *sorted(chance.sample(range(2, 39, 2), 3)), 40]
    for start, end in pairwise(cuts):
        overlapping = invoices[max(start - chance.randint(0, 5), 0) : end]
        chance.shuffle(overlapping)
        rows = [row for invoice in overlapping for row in invoice]
        assert ImportRun(write_sales_file(tmp_path, *rows)).code == 0
    cut = imported_history()
    rows = [row for invoice in invoices for row in invoice]
    again = ImportRun(write_sales_file(tmp_path, *rows))
    assert (again.code, again.rows[1], imported_history()) == (0, 0, cut)
    empty_tables()
    assert ImportRun(write_sales_file(tmp_path, *rows)).code == 0
    assert imported_history() == cut
    assert {"ItemsReturned", "CreditNoteIssued"} <= {row[2] for row in cut}


@pytest.mark.data
@pytest.mark.long(on="postgres")  # about reading a file; the other tests here store on both
def test_a_month_in_three_files_gives_the_returns_of_the_month(tmp_path: Path) -> None:
    header, *rows = gzip.decompress(MONTH.read_bytes()).decode().splitlines()
    starts = [0, *(next(n for n, row in enumerate(rows) if day in row) for day in ("2010-12-06", "2010-12-14"))]
    counts = []
    for start, end in pairwise([*starts, len(rows)]):
        run = ImportRun(write_sales_file(tmp_path, *rows[start:end], header=header))
        assert (run.code, run.rows[1]) == (0, end - start)
        counts.append(run.counts)
    assert [sum(column) for column in zip(*counts, strict=True)] == [1_629, 204, 156, 70, 3_844]


def test_an_import_that_stops_says_so_and_accounts_for_every_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """774 invoices, `--on-error stop`, other contents at the 182nd: the 592 that were not tried are told."""
    monkeypatch.setattr(import_run, "MAX_BATCH_UNITS", 1)
    lines = [csv_line(str(1000 + number)) for number in range(774)]
    ImportRun(write_sales_file(tmp_path, csv_line("1181", quantity="7")))
    run = ImportRun(write_sales_file(tmp_path, *lines))
    assert (run.code, list(run.refused)) == (STOPPED_AT_AN_ERROR, [183])
    assert run.rows == [774, 181, 0, 1, 0, 592]
    assert "Stopped" in run.failure and "592 were not tried" in run.failure
    skipping = ImportRun(write_sales_file(tmp_path, *lines), "--on-error", "skip")
    assert (skipping.code, skipping.rows) == (ROWS_REFUSED, [774, 592, 181, 1, 0, 0])


def spreadsheet_lines(lines: list[str]) -> list[str]:
    """The lines as the spreadsheet of the data set is saved: every cell quoted, dates such as 12/1/2010 8:26."""
    cells = [line.split(",") for line in lines]
    for row in cells:
        at = datetime.fromisoformat(row[4])
        row[4] = f"{at.month}/{at.day}/{at.year} {at.hour}:{at.minute:02}"
    return [",".join(f'"{cell}"' for cell in row) for row in cells]


def test_the_csv_of_the_spreadsheet_gives_the_same_as_the_published_file(tmp_path: Path) -> None:
    """UTF-8 with a byte order mark, every cell quoted, dates `12/1/2010 8:26`: read, or refused with the option."""
    lines = [csv_line("536365"), csv_line("C536366", quantity="-1", at="2010-12-23 09:05:00")]
    header = "\ufeff" + ",".join(f'"{name}"' for name in HEADER.split(","))
    quoted = spreadsheet_lines(lines)
    assert quoted[0].split(",")[4] == '"12/1/2010 8:26"'
    assert ImportRun(write_sales_file(tmp_path, *quoted, header=header)).code == 0
    stored = imported_history()
    empty_tables()
    assert ImportRun(write_sales_file(tmp_path, *lines)).code == 0
    assert imported_history() == stored

    unclear = ImportRun(write_sales_file(tmp_path, *quoted[:1], header=header))
    assert unclear.code == ROWS_REFUSED
    assert "sales.csv" in unclear.failure and "--dates '%m/%d/%Y %H:%M'" in unclear.failure
    told = ImportRun(write_sales_file(tmp_path, *quoted[:1], header=header), "--dates", "%m/%d/%Y %H:%M")
    assert (told.code, told.rows, imported_history()) == (0, [1, 0, 1, 0, 0, 0], stored)


def test_the_numbers_of_the_file_are_found(tmp_path: Path) -> None:
    """Searching for the file's customer number finds the customer, and the invoice number the order."""
    ImportRun(write_sales_file(tmp_path, csv_line("536365"), csv_line("C536366", "D", quantity="-1")))
    run_projections()
    found = {(row.kind, row.value): row.subject_id for row in ExternalId.objects.filter(source="online-retail")}
    assert found == {
        ("order", "536365"): str(order_id("536365")),
        ("order", "C536366"): str(order_id("C536366")),
        ("customer", "17850"): str(customer_id("17850")),
    }
