"""The commands that are built from a file, without a store."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple, cast

from eventshop.core.messages import Command, Envelope
from eventshop.core.serialization import encode_canonical
from orders.domain.commands import (
    CreateCreditNote,
    CreateOrder,
    RecordObservedPayment,
    RecordObservedReturn,
    WriteOffStock,
)
from orders.domain.events import ExternalId
from orders.importers.online_retail.commands import customer_id, order_id
from orders.importers.online_retail.importer import OnlineRetailImporter, add_sales
from orders.importers.online_retail.invoices import Invoice, Kind
from orders.importers.online_retail.return_matching import SalesLedger
from orders.importers.online_retail.stored_invoices import Comparison
from tests.support.command_output import numbers_in
from tests.support.read_file import read_file
from tests.support.retail_files import csv_line, write_sales_file
from tests.unit.orders.domain.examples import gbp


class InvoiceCommand(NamedTuple):
    invoice: Invoice
    command: Command
    envelope: Envelope


def invoice_commands(folder: Path, *lines: str) -> list[InvoiceCommand]:
    """The commands that are sent to an empty store."""
    importer = OnlineRetailImporter()
    invoices = cast(list[Invoice], read_file(importer, write_sales_file(folder, *lines)).complete)
    ledger = SalesLedger(invoice for invoice in invoices if invoice.kind is Kind.CANCELLATION)
    add_sales(ledger, ((invoice, Comparison(invoice.rows)) for invoice in invoices if invoice.kind is Kind.SALE))
    importer.matches = ledger.match()
    plans = [(invoice, importer.plan_invoice(invoice, Comparison(invoice.rows))) for invoice in invoices]
    return [InvoiceCommand(invoice, *command) for invoice, plan in plans for command in plan.commands]


def commands_of(folder: Path, *lines: str) -> list[Command]:
    return [encode_canonical(command.command)[1] for command in invoice_commands(folder, *lines)]


def returns_of(folder: Path, *lines: str) -> list[tuple[str, str, dict[int, int]]]:
    """Of each return: the cancellation's number, the sale's number, and the quantity returned by line."""
    sales = {order_id(number): number for number in "123456"}
    return [
        (command.reference, sales[command.order_id], {line.line: line.quantity for line in command.lines})
        for command in commands_of(folder, *lines)
        if isinstance(command, RecordObservedReturn)
    ]


def credits_of(folder: Path, *lines: str) -> list[tuple[str, int]]:
    """Of each line of a credit note: the SKU and the quantity."""
    return [
        (item.sku, item.quantity)
        for command in commands_of(folder, *lines)
        if isinstance(command, CreateCreditNote)
        for item in command.lines
    ]


def test_a_sale_is_an_order_that_is_paid(tmp_path: Path) -> None:
    create, pay = commands_of(tmp_path, csv_line(), csv_line(sku="POST", quantity="1", price="18.005"))
    assert isinstance(create, CreateOrder)
    assert (create.order_id, create.reference) == (order_id("536365"), "536365")
    assert (create.customer_id, create.country) == (customer_id("17850"), "United Kingdom")
    assert create.external_ids == (ExternalId("online-retail", "536365"),)
    assert create.customer_external_id == ExternalId("online-retail", "17850")
    assert [(item.sku, item.quantity, item.price) for item in create.lines] == [
        ("71053", 6, gbp("3.39")),
        ("POST", 1, gbp("18.005")),
    ]
    assert pay == RecordObservedPayment(order_id=create.order_id, amount=gbp("38.345"), method="invoice")


def test_an_anonymous_sale_has_no_customer(tmp_path: Path) -> None:
    create, _ = commands_of(tmp_path, csv_line(customer=""))
    assert isinstance(create, CreateOrder)
    assert (create.customer_id, create.customer_external_id) == (None, None)


def test_exact_repeats_are_lines_of_their_own(tmp_path: Path) -> None:
    create, pay = commands_of(tmp_path, csv_line(), csv_line())
    assert isinstance(create, CreateOrder)
    assert isinstance(pay, RecordObservedPayment)
    assert (len(create.lines), pay.amount) == (2, gbp("40.68"))


def test_what_costs_nothing_is_a_line_of_the_order(tmp_path: Path) -> None:
    create, pay = commands_of(tmp_path, csv_line(price="0"))
    assert isinstance(create, CreateOrder)
    assert isinstance(pay, RecordObservedPayment)
    assert (create.lines[0].price, pay.amount) == (gbp("0"), gbp("0"))


def test_an_invoice_is_one_order_wherever_its_lines_stand_and_its_earliest_time_holds(tmp_path: Path) -> None:
    sent = invoice_commands(
        tmp_path,
        csv_line(at="2010-12-01 16:57:00"),
        csv_line(invoice="536366", at="2010-12-01 17:00:00"),
        csv_line(sku="21212", at="2010-12-01 16:56:00"),
    )
    assert [(command.invoice.number, type(command.command)) for command in sent] == [
        ("536365", CreateOrder),
        ("536365", RecordObservedPayment),
        ("536366", CreateOrder),
        ("536366", RecordObservedPayment),
    ]
    assert {command.envelope.occurred_at for command in sent[:2]} == {datetime(2010, 12, 1, 16, 56, tzinfo=UTC)}


def test_missing_stock_is_written_off_row_by_row(tmp_path: Path) -> None:
    rows = [
        csv_line("536589", "22139", text, quantity, price="0.0", customer="")
        for text, quantity in (("", "-10"), ("?", "-1"))
    ]
    assert commands_of(tmp_path, *rows) == [
        WriteOffStock(sku="22139", quantity=10, reason="adjustment", reference="536589"),
        WriteOffStock(sku="22139", quantity=1, reason="?", reference="536589"),
    ]


def test_a_cancelled_row_returns_the_newest_line_of_the_same_customer_product_and_price(tmp_path: Path) -> None:
    bought = [
        csv_line("1"),
        csv_line("2"),
        csv_line("3", price="2.00"),
        csv_line("4", customer="99"),
        csv_line("5", sku="71053x"),
    ]
    assert returns_of(tmp_path, *bought, csv_line("C6", quantity="-2")) == [("C6", "2", {1: 2})]


def test_a_line_that_has_too_few_pieces_left_is_passed_over(tmp_path: Path) -> None:
    bought = [csv_line("1"), csv_line("2", quantity="3")]
    assert returns_of(tmp_path, *bought, csv_line("C3", quantity="-4")) == [("C3", "1", {1: 4})]
    assert returns_of(tmp_path, *bought, csv_line("C3", quantity="-2"), csv_line("C4", quantity="-2")) == [
        ("C3", "2", {1: 2}),
        ("C4", "1", {1: 2}),
    ]
    assert credits_of(tmp_path, *bought, csv_line("C3", quantity="-7")) == [("71053", 7)]


def test_all_rows_of_a_cancellation_for_one_order_are_one_return(tmp_path: Path) -> None:
    bought = [csv_line("1"), csv_line("1", sku="21212"), csv_line("1", quantity="2")]
    rows = [
        csv_line("C2", sku="21212", quantity="-6"),
        csv_line("C2", quantity="-1"),
        csv_line("C2", quantity="-1"),
        csv_line("C2", quantity="-5"),
    ]
    assert returns_of(tmp_path, *bought, *rows) == [("C2", "1", {1: 6, 2: 6, 3: 1})]


def test_a_cancellation_may_return_to_several_orders(tmp_path: Path) -> None:
    bought = [csv_line("1"), csv_line("2", sku="21212")]
    rows = [csv_line("C3", quantity="-1"), csv_line("C3", sku="21212", quantity="-1")]
    assert returns_of(tmp_path, *bought, *rows) == [("C3", "1", {1: 1}), ("C3", "2", {1: 1})]


def test_what_matches_nothing_becomes_one_credit_note(tmp_path: Path) -> None:
    rows = [
        csv_line("C2", quantity="-1"),
        csv_line("C2", sku="D", quantity="-1"),
        csv_line("C2", sku="M", quantity="-2"),
    ]
    _, _, back, note = commands_of(tmp_path, csv_line("1"), *rows)
    assert isinstance(back, RecordObservedReturn)
    assert isinstance(note, CreateCreditNote)
    assert (note.order_id, note.reference, note.customer_id) == (order_id("C2"), "C2", customer_id("17850"))
    assert note.external_ids == (ExternalId("online-retail", "C2"),)
    assert note.customer_external_id == ExternalId("online-retail", "17850")
    assert [(item.sku, item.quantity, item.price) for item in note.lines] == [
        ("D", 1, gbp("3.39")),
        ("M", 2, gbp("3.39")),
    ]


def test_a_cancellation_without_a_customer_is_a_credit_note(tmp_path: Path) -> None:
    assert credits_of(tmp_path, csv_line("1", customer=""), csv_line("C2", quantity="-1", customer="")) == [
        ("71053", 1)
    ]


def test_what_was_bought_later_is_not_returned(tmp_path: Path) -> None:
    late = csv_line("2", at="2010-12-02 08:00:00")
    early = csv_line("C1", quantity="-1", at="2010-12-01 08:00:00")
    assert credits_of(tmp_path, late, early) == credits_of(tmp_path, early, late) == [("71053", 1)]


def test_within_a_minute_sales_come_before_cancellations_wherever_they_stand(tmp_path: Path) -> None:
    lines = [csv_line("C1", quantity="-1"), csv_line("2"), csv_line("3")]
    assert returns_of(tmp_path, *lines) == returns_of(tmp_path, *reversed(lines)) == [("C1", "3", {1: 1})]


def test_an_invoice_with_a_broken_row_is_held_back_as_a_whole(tmp_path: Path) -> None:
    lines = [csv_line("1"), csv_line("1", quantity="x"), csv_line("1", sku="21212"), csv_line("2")]
    file = read_file(OnlineRetailImporter(), write_sales_file(tmp_path, *lines))
    assert [unit.name for unit in file.complete] == ["invoice 2"]
    # The line, then the invoice and the refused line of it that the reason names.
    assert {line: numbers_in(reason) for line, reason in file.held_back.items()} == {2: [1, 3], 4: [1, 3]}


def test_an_adjustment_of_bad_debt_holds_nothing_back(tmp_path: Path) -> None:
    lines = [csv_line("1"), csv_line("A1", customer="", price="-11062.06"), csv_line("2")]
    file = read_file(OnlineRetailImporter(), write_sales_file(tmp_path, *lines))
    assert (list(file.refused), [unit.name for unit in file.complete]) == ([3], ["invoice 1", "invoice 2"])


def test_an_invoice_is_of_one_customer_in_one_country(tmp_path: Path) -> None:
    for other in (csv_line("1", customer="2"), csv_line("1", customer=""), csv_line("1", country="France")):
        file = read_file(OnlineRetailImporter(), write_sales_file(tmp_path, csv_line("1"), other))
        assert (file.units, list(file.refused)) == ([], [2, 3])
        assert numbers_in(file.refused[2]) == [1, 2]  # the invoice, its first line


def test_a_number_with_sold_and_missing_pieces_is_both(tmp_path: Path) -> None:
    sent = invoice_commands(tmp_path, csv_line("1"), csv_line("1", quantity="-1", price="0"))
    assert [type(command.command) for command in sent] == [CreateOrder, RecordObservedPayment, WriteOffStock]
    assert len({command.envelope.command_id for command in sent}) == 3


def test_the_same_file_leads_to_the_same_commands(tmp_path: Path) -> None:
    lines = [
        csv_line("1"),
        csv_line("2", quantity="-1", price="0"),
        csv_line("C3", quantity="-1"),
        csv_line("C3", sku="D", quantity="-1"),
    ]
    assert invoice_commands(tmp_path, *lines) == invoice_commands(tmp_path, *lines)
    assert len({command.envelope.command_id for command in invoice_commands(tmp_path, *lines)}) == 5


def test_a_command_says_where_it_comes_from_and_when_it_happened(tmp_path: Path) -> None:
    create, pay = (command.envelope for command in invoice_commands(tmp_path, csv_line()))
    assert (create.actor, create.metadata) == ("import", {"line": "2"})
    assert create.occurred_at == datetime(2010, 12, 1, 8, 26, tzinfo=UTC)
    assert (create.correlation_id, create.sequence_number) == (pay.correlation_id, pay.sequence_number - 1)


def test_the_ids_of_orders_and_customers_never_change() -> None:
    assert str(order_id("536365")) == "2d8f1a67-7e18-5d2f-94d4-b24d95adf0df"
    assert str(customer_id("17850")) == "0154950c-da06-5dce-96d7-34a95104df03"
