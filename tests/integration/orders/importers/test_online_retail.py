"""The import of a shop's sales: everything is stored once, whatever fails, and all control totals agree."""

from __future__ import annotations

import signal
from collections import Counter
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from eventshop.eventstore.models import StoredEvent
from orders.importers.online_retail import batch_sender
from tests.support.retail_files import csv_line, write_sales_file
from tests.support.retail_import import (
    MONTH,
    MONTH_EVENTS,
    MONTH_RECEIPTS,
    ImportProcess,
    ImportRun,
    count_events_and_receipts,
    imported_history,
)

pytestmark = pytest.mark.usefixtures("clean_database")


def test_a_file_becomes_orders_returns_credit_notes_and_write_offs(tmp_path: Path) -> None:
    run = ImportRun(
        write_sales_file(
            tmp_path,
            csv_line("1"),
            csv_line("2", "22139", "", "-10", price="0", customer=""),
            csv_line("C3", quantity="-2"),
            csv_line("C3", "D", "Discount", "-1"),
        )
    )
    assert (run.code, run.error_lines) == (0, [])
    assert "1 orders, 1 credit notes, 1 returns and 1 write-offs imported: 6 events written" in run.output
    assert sorted(StoredEvent.objects.values_list("event_type", flat=True)) == [
        "CreditNoteIssued",
        "ItemsReturned",
        "OrderCreated",
        "PaymentProcessed",
        "PaymentRefunded",
        "StockWrittenOff",
    ]
    assert set(StoredEvent.objects.values_list("actor", flat=True)) == {"import"}


def test_a_second_run_finds_everything_there(tmp_path: Path) -> None:
    file = write_sales_file(tmp_path, csv_line("1"), csv_line("C2", quantity="-1"), name="sales.csv.gz")
    ImportRun(file)
    before = imported_history()
    again = ImportRun(file)
    assert (again.code, imported_history()) == (0, before)
    assert "0 events written, 3 commands already there, 0 rows refused" in again.output


def test_a_longer_file_adds_only_what_is_new(tmp_path: Path) -> None:
    lines = [csv_line("1"), csv_line("C2", quantity="-1"), csv_line("3")]
    ImportRun(write_sales_file(tmp_path, *lines[:2]))
    run = ImportRun(write_sales_file(tmp_path, *lines))
    assert "1 orders, 0 credit notes, 0 returns" in run.output
    assert "2 events written, 3 commands already there" in run.output


def test_a_broken_row_stops_the_import_before_anything_is_stored(tmp_path: Path) -> None:
    file = write_sales_file(tmp_path, csv_line("1"), csv_line("2", quantity="many"), csv_line("3", price="-1"))
    run = ImportRun(file)
    assert run.code == 1
    assert run.error_lines == [f"{file}:3: Quantity 'many' is not a whole number"]
    assert run.failure.startswith("Nothing was imported.")
    assert count_events_and_receipts() == (0, 0)


def test_broken_rows_are_named_and_their_invoices_skipped_if_asked(tmp_path: Path) -> None:
    file = write_sales_file(
        tmp_path, csv_line("1"), csv_line("2"), csv_line("2", quantity="many"), "garbage", csv_line("3")
    )
    run = ImportRun(file, "--on-error", "skip")
    assert run.code == 1
    assert run.error_lines == [
        f"{file}:3: held back with the rest of invoice 2, see line 4",
        f"{file}:4: Quantity 'many' is not a whole number",
        f"{file}:5: 1 columns instead of 8",
    ]
    assert "2 orders" in run.output
    assert "3 rows refused" in run.output
    corrected = ImportRun(
        write_sales_file(tmp_path, csv_line("1"), csv_line("2"), csv_line("2", quantity="2"), csv_line("3"))
    )
    assert (corrected.code, corrected.error_lines) == (0, [])
    assert "1 orders" in corrected.output


def test_an_invoice_that_changed_is_refused_and_what_is_stored_stays(tmp_path: Path) -> None:
    ImportRun(write_sales_file(tmp_path, csv_line("1"), csv_line("2")))
    before = imported_history()
    file = write_sales_file(tmp_path, csv_line("1"), csv_line("2", quantity="7"), csv_line("2", sku="21212"))
    run = ImportRun(file, "--on-error", "skip")
    reason = "invoice 2 was imported before with other contents; the stored order is unchanged"
    assert (run.code, run.error_lines) == (1, [f"{file}:3: {reason}", f"{file}:4: {reason}"])
    assert imported_history() == before


def test_what_was_credited_before_the_file_was_corrected_is_not_refunded_again(tmp_path: Path) -> None:
    cancelled = [
        csv_line("C3", quantity="-2"),
        csv_line("C3", sku="21212", quantity="-1"),
        csv_line("C3", sku="M", quantity="-1"),
    ]
    broken = write_sales_file(
        tmp_path, csv_line("1", quantity="six"), csv_line("2", sku="21212", quantity="two"), *cancelled
    )
    assert "0 orders, 1 credit notes, 0 returns" in ImportRun(broken, "--on-error", "skip").output
    run = ImportRun(
        write_sales_file(tmp_path, csv_line("1"), csv_line("2", sku="21212"), *cancelled), "--on-error", "skip"
    )
    assert "2 orders, 0 credit notes, 0 returns" in run.output
    reason = "invoice C3 was imported before with other contents; the stored order is unchanged"
    assert [name.partition(": ")[2] for name in run.error_lines] == [reason] * 3
    assert Counter(StoredEvent.objects.values_list("event_type", flat=True)) == {
        "CreditNoteIssued": 1,
        "OrderCreated": 2,
        "PaymentProcessed": 2,
    }


def test_the_rules_of_an_order_hold_for_the_import_too(tmp_path: Path) -> None:
    file = write_sales_file(
        tmp_path, csv_line("1"), *[csv_line("2", f"sku-{number}", "x" * 200) for number in range(1_501)], csv_line("3")
    )
    run = ImportRun(file, "--on-error", "skip")
    assert (run.code, len(run.error_lines)) == (1, 1_501)
    assert run.error_lines[0].startswith(f"{file}:3: invoice 2: CreateOrder: Expected `array` of length <= 1500")
    assert "2 orders" in run.output


def test_a_refused_invoice_stops_the_import_after_its_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_sender, "MAX_BATCH_COMMANDS", 2)
    ImportRun(write_sales_file(tmp_path, csv_line("1")))
    run = ImportRun(write_sales_file(tmp_path, csv_line("1", quantity="7"), csv_line("2"), csv_line("3")))
    assert (run.code, len(run.error_lines)) == (1, 1)
    assert "0 orders" in run.output


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("sales.csv", b"InvoiceNo;StockCode\n1;2\n", "sales.csv:1: the header must be InvoiceNo,StockCode"),
        ("sales.csv", b"", "the file is empty"),
        ("sales.csv.gz", b"\x1f\x8b\x08\x00garbage", "sales.csv.gz: the gzip data is damaged after line 0"),
        ("sales.csv.gz", b"InvoiceNo", "sales.csv.gz: the gzip data is damaged after line 0"),
    ],
)
def test_a_file_of_another_kind_is_refused(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    (tmp_path / name).write_bytes(content)
    run = ImportRun(tmp_path / name, "--on-error", "skip")
    assert run.code == 1
    assert words in run.failure
    assert count_events_and_receipts() == (0, 0)


def test_a_file_that_is_not_there_is_told() -> None:
    run = ImportRun(Path("nowhere.csv"))
    assert (run.code, "nowhere.csv: No such file or directory" in run.failure) == (1, True)


def test_an_unknown_answer_to_errors_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="invalid choice: 'ignore'"):
        call_command("import_online_retail", str(write_sales_file(tmp_path, csv_line())), "--on-error", "ignore")


@pytest.mark.data
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_import_says_what_is_stored_and_goes_on_from_there(database_url: str, number: signal.Signals) -> None:
    process = ImportProcess(MONTH, database_url)
    process.wait_until_written(1)
    code, said = process.wait_for_exit(number)
    assert code == 130, said
    assert "Stopped." in said
    assert "To continue from there, run the import again with the same file" in said
    assert "Traceback" not in said
    events, _ = count_events_and_receipts()
    assert 0 < events < MONTH_EVENTS
    code, said = ImportProcess(MONTH, database_url).wait_for_exit()
    assert code == 0, said
    assert f"{MONTH_EVENTS - events:,} events written" in said
    assert count_events_and_receipts() == (MONTH_EVENTS, MONTH_RECEIPTS)
