"""The import of a shop's sales: everything is stored once, whatever fails, and all control totals agree."""

from __future__ import annotations

import gzip
import re
import signal
import zlib
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from eventshop.cli.importing import import_run
from eventshop.cli.importing.base_command import ROWS_REFUSED, STOPPED_AT_AN_ERROR
from eventshop.cli.importing.errors import UnreadableFile
from eventshop.core.personal_fields import Redacted
from eventshop.eventstore.event_store import store
from eventshop.eventstore.models import StoredEvent
from eventshop.privacy.encryption import personal_keys
from orders.importers.online_retail.commands import customer_id, order_id
from tests.support.database import empty_tables
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
    assert (run.counts, run.rows) == ([1, 1, 1, 1, 6], [4, 4, 0, 0, 0, 0])
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
    assert (again.counts, again.rows) == ([0, 0, 0, 0, 0], [2, 0, 2, 0, 0, 0])


def test_an_erased_customers_sales_are_recognised_and_new_ones_stored_without_their_number(tmp_path: Path) -> None:
    lines, person = [csv_line("1"), csv_line("C2", "D", quantity="-1")], customer_id("17850")
    assert person is not None
    ImportRun(write_sales_file(tmp_path, *lines))
    personal_keys.destroy_keys(person)
    more = write_sales_file(tmp_path, *lines, csv_line("3"), csv_line("C4", "D", quantity="-1"))
    assert ImportRun(more).rows == [4, 2, 2, 0, 0, 0]
    assert ImportRun(more).rows == [4, 0, 4, 0, 0, 0]
    streams = [order_id(number) for number in ("1", "C2", "3", "C4")]
    numbers = [store.get_events(stream)[0].event.customer_external_id for stream in streams]
    assert numbers == [Redacted("contact"), Redacted("contact"), "", ""]


def test_a_longer_file_adds_only_what_is_new(tmp_path: Path) -> None:
    lines = [csv_line("1"), csv_line("C2", quantity="-1"), csv_line("3", at="2010-12-02 08:26:00")]
    ImportRun(write_sales_file(tmp_path, *lines[:2]))
    run = ImportRun(write_sales_file(tmp_path, *lines))
    assert (run.counts, run.rows) == ([1, 0, 0, 0, 2], [3, 1, 2, 0, 0, 0])


def test_a_broken_row_stops_the_import_before_anything_is_stored(tmp_path: Path) -> None:
    file = write_sales_file(tmp_path, csv_line("1"), csv_line("2", quantity="many"), csv_line("3", price="-1"))
    run = ImportRun(file)
    assert run.code == STOPPED_AT_AN_ERROR
    assert list(run.refused) == [3]
    assert "Quantity" in run.refused[3] and "'many'" in run.refused[3]
    assert run.rows == [3, 0, 0, 2, 0, 1]
    assert count_events_and_receipts() == (0, 0)


def test_broken_rows_are_named_and_their_invoices_skipped_if_asked(tmp_path: Path) -> None:
    lines = [csv_line("1"), csv_line("2"), csv_line("2", quantity="many"), csv_line("3"), "garbage", csv_line("4")]
    run = ImportRun(write_sales_file(tmp_path, *lines, csv_line("5")), "--on-error", "skip")
    assert run.code == ROWS_REFUSED
    assert sorted(run.refused) == [3, 4, 5, 6, 7]
    assert re.findall(r"\d+", run.refused[3]) == ["2", "4"]  # its invoice; the line that is wrong
    assert "Quantity" in run.refused[4] and "'many'" in run.refused[4]
    assert re.findall(r"\d+", run.refused[6]) == ["1", "8"]  # columns
    assert [re.findall(r"\d+", run.refused[line]) for line in (5, 7)] == [["3", "6"], ["4", "6"]]
    assert (run.counts[0], run.rows) == (2, [7, 2, 0, 2, 3, 0])
    corrected = ImportRun(write_sales_file(tmp_path, *lines[:2], csv_line("2"), csv_line("3"), lines[5], csv_line("5")))
    assert (corrected.code, corrected.refused, corrected.rows) == (0, {}, [6, 4, 2, 0, 0, 0])


def test_an_invoice_that_changed_is_refused_and_what_is_stored_stays(tmp_path: Path) -> None:
    ImportRun(write_sales_file(tmp_path, csv_line("1"), csv_line("2")))
    before = imported_history()
    changed = [csv_line("2", quantity="7"), csv_line("2", sku="21212")]
    run = ImportRun(write_sales_file(tmp_path, csv_line("1"), *changed, csv_line("1", "22")), "--on-error", "skip")
    assert (run.code, run.refused) == (0, {})  # an unordered file may have a part of the invoice
    empty_tables()
    ImportRun(write_sales_file(tmp_path, csv_line("1"), csv_line("2")))
    file = write_sales_file(tmp_path, csv_line("1"), *changed, csv_line("3", customer="99"))
    run = ImportRun(file, "--on-error", "skip")
    assert (run.code, list(run.refused), run.rows) == (ROWS_REFUSED, [3, 4], [4, 1, 1, 2, 0, 0])
    assert all("invoice 2 " in reason for reason in run.refused.values())
    assert [event for event in imported_history() if event[0] != order_id("3")] == before


def test_what_was_credited_is_a_return_when_its_sale_becomes_known_and_is_not_refunded_twice(tmp_path: Path) -> None:
    cancelled = [
        csv_line("C3", quantity="-2"),
        csv_line("C3", sku="21212", quantity="-1"),
        csv_line("C3", sku="M", quantity="-1"),
    ]
    broken = write_sales_file(
        tmp_path, csv_line("1", quantity="six"), csv_line("2", sku="21212", quantity="two"), *cancelled
    )
    assert ImportRun(broken, "--on-error", "skip").counts[:3] == [0, 1, 0]
    run = ImportRun(
        write_sales_file(tmp_path, csv_line("1"), csv_line("2", sku="21212"), *cancelled), "--on-error", "skip"
    )
    assert (run.counts[:3], run.rows) == ([2, 1, 2], [5, 2, 3, 0, 0, 0])
    assert Counter(StoredEvent.objects.values_list("event_type", flat=True)) == {
        "CreditNoteIssued": 2,
        "CreditNoteReversed": 1,
        "ItemsReturned": 2,
        "OrderCreated": 2,
        "PaymentProcessed": 2,
        "PaymentRefunded": 2,
    }
    assert [line.sku for line in store.get_events(order_id("C3"))[-1].event.lines] == ["M"]


def test_the_rules_of_an_order_hold_for_the_import_too(tmp_path: Path) -> None:
    file = write_sales_file(
        tmp_path, csv_line("1"), *[csv_line("2", f"sku-{number}", "x" * 200) for number in range(1_501)], csv_line("3")
    )
    run = ImportRun(file, "--on-error", "skip")
    assert (run.code, len(run.error_lines)) == (ROWS_REFUSED, 1_501)
    assert all(word in run.refused[3] for word in ("invoice 2", "CreateOrder", "1500"))
    assert run.counts[0] == 2


def test_a_refused_invoice_stops_the_import_after_its_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_run, "MAX_BATCH_UNITS", 1)
    ImportRun(write_sales_file(tmp_path, csv_line("2")))
    run = ImportRun(write_sales_file(tmp_path, csv_line("1"), csv_line("2", quantity="7"), csv_line("3")))
    assert (run.code, len(run.error_lines), run.rows) == (STOPPED_AT_AN_ERROR, 1, [3, 1, 0, 1, 0, 1])
    assert "Stopped" in run.failure and "1 were not tried" in run.failure


@pytest.mark.parametrize(
    ("name", "content", "code", "origin"),
    [
        ("sales.csv", b"InvoiceNo;StockCode\n1;2\n", "wrong-header", type(None)),
        ("sales.csv", b"", "unreadable-file", type(None)),
        ("sales.csv.gz", b"\x1f\x8b\x08\x00" + b"garbage" * 9, "unreadable-file", (EOFError, zlib.error)),
        ("sales.csv.gz", b"\x1f\x8b\x07" + bytes(20), "unreadable-file", gzip.BadGzipFile),
    ],
)
def test_a_file_of_another_kind_is_refused(tmp_path: Path, name: str, content: bytes, code: str, origin: Any) -> None:
    (tmp_path / name).write_bytes(content)
    run = ImportRun(tmp_path / name, "--on-error", "skip")
    assert isinstance(run.cause, UnreadableFile)
    assert (run.code, run.cause.code, run.cause.data["file"]) == (1, code, str(tmp_path / name))
    assert isinstance(run.cause.__cause__, origin)
    assert name in run.failure
    assert count_events_and_receipts() == (0, 0)


def test_a_file_that_is_not_there_is_told() -> None:
    run = ImportRun(Path("nowhere.csv"))
    assert (run.code, "nowhere.csv" in run.failure) == (1, True)
    assert run.cause and isinstance(run.cause.__cause__, FileNotFoundError)


def test_a_dry_run_shows_format_preview_and_totals_and_writes_nothing(tmp_path: Path) -> None:
    lines = [csv_line("1"), csv_line("1"), csv_line("C2", quantity="-1"), csv_line("3", quantity="many")]
    file = write_sales_file(tmp_path, *lines, csv_line("4", "22139", "", "-10", price="0", customer=""))
    run = ImportRun(file, "--dry-run")
    assert (run.code, list(run.refused), count_events_and_receipts()) == (ROWS_REFUSED, [5], (0, 0))
    assert run.rows == [5, 4, 0, 1, 0, 0]
    for words in (
        "encoding utf-8, delimiter ','",
        "CustomerID=CustomerID",
        "invoice 1, line 2",
        "CreateOrder at 2010-12-01 08:26 UTC: {",
        "RecordObservedPayment",
        "sale: 1 invoices, 2 rows, 12 units, 40.68 GBP",
        "cancellation: 1 invoices, 1 rows, -1 units, -3.39 GBP",
        "adjustment: 1 invoices, 1 rows, -10 units, 0 GBP",
        "net: 37.29 GBP",
        "Nothing was written",
    ):
        assert words in run.output
    ImportRun(write_sales_file(tmp_path, *lines[:3], name="some.csv"))
    assert ImportRun(file, "--dry-run").rows == [5, 1, 3, 1, 0, 0]


def test_repeats_and_future_dates_are_counted_and_warned_of(tmp_path: Path) -> None:
    later = csv_line("2", at="2999-12-01 08:26:00")
    run = ImportRun(write_sales_file(tmp_path, csv_line("1"), csv_line("1"), csv_line("1", sku="D"), later))
    assert (run.code, run.rows[1]) == (0, 4)
    repeated, future = run.warnings
    assert re.findall(r"\d+", repeated.rpartition(": warning: ")[2]) == ["1"]
    assert re.findall(r"\d+", future.rpartition(": warning: ")[2]) == ["1", "5"]  # the first line


def test_a_file_of_another_shop_is_read_with_options(tmp_path: Path) -> None:
    header = "Rechnung;Artikel;Text;Menge;Datum;Preis;Kunde;Land"
    lines = [
        "1;71053;Lampe;6;01.12.2010 08:26;3,39;17850;Österreich",
        "C2;71053;Lampe;-1;02.12.2010 9:00;3,39;17850;Österreich",
    ]
    file = write_sales_file(tmp_path)
    file.write_bytes("\n".join([header, *lines]).encode("cp1252"))
    names = "InvoiceNo=Rechnung,StockCode=Artikel,Description=Text,Quantity=Menge,InvoiceDate=Datum,UnitPrice=Preis"
    run = ImportRun(file, "--encoding", "cp1252", "--columns", f"{names},CustomerID=Kunde,Country=Land")
    assert (run.code, run.counts) == (0, [1, 0, 1, 0, 4])
    created = StoredEvent.objects.get(event_type="OrderCreated")
    assert '"amount":"20.34"' in created.payload and "Österreich" in created.payload
    assert created.occurred_at.isoformat() == "2010-12-01T08:26:00+00:00"


@pytest.mark.parametrize(
    "options",
    [
        ("--encoding", "klingon"),
        ("--encoding", "base64"),
        ("--delimiter", "ab"),
        ("--decimal", "x"),
        ("--columns", "Invoice=Rechnung"),
        ("--columns", "InvoiceNo"),
    ],
)
def test_an_option_that_cannot_be_is_refused(tmp_path: Path, options: tuple[str, str]) -> None:
    with pytest.raises(CommandError, match=options[0]):
        call_command("import_online_retail", str(write_sales_file(tmp_path, csv_line())), *options)


def test_an_unknown_answer_to_errors_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="'ignore'"):
        call_command("import_online_retail", str(write_sales_file(tmp_path, csv_line())), "--on-error", "ignore")


@pytest.mark.data
@pytest.mark.long(on="postgres")  # tests/chaos/orders/test_import_killed.py is there
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_import_says_what_is_stored_and_goes_on_from_there(database_url: str, number: signal.Signals) -> None:
    process = ImportProcess(MONTH, database_url)
    process.wait_until_written(1)
    code, said = process.wait_for_exit(number)
    assert code == 130, said
    assert "Traceback" not in said
    events, _ = count_events_and_receipts()
    assert 0 < events < MONTH_EVENTS
    code, said = ImportProcess(MONTH, database_url).wait_for_exit()
    assert code == 0, said
    assert f"{MONTH_EVENTS - events:,} " in said
    assert count_events_and_receipts() == (MONTH_EVENTS, MONTH_RECEIPTS)
