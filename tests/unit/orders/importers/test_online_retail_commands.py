"""The commands that are built from a file, without a store."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from eventshop.core.messages import Command
from eventshop.core.serialization import encode_canonical
from orders.domain.commands import CreateCreditNote, CreateOrder, ProcessPayment, ReturnItems, WriteOffStock
from orders.importers.online_retail.commands import InvoiceCommand, customer_id, import_commands, order_id
from orders.importers.online_retail.invoices import group_by_invoice, hold_back_incomplete
from orders.importers.online_retail.parsing import parse_file
from tests.support.command_output import numbers_in
from tests.support.retail_files import csv_line, write_sales_file
from tests.unit.orders.domain.examples import gbp


def invoice_commands(folder: Path, *lines: str) -> list[InvoiceCommand]:
    rows, refused = parse_file(write_sales_file(folder, *lines))
    invoices, _ = hold_back_incomplete(group_by_invoice(rows), refused)
    return [command for commands in import_commands(invoices) for command in commands]


def commands_of(folder: Path, *lines: str) -> list[Command]:
    return [encode_canonical(command.command)[1] for command in invoice_commands(folder, *lines)]


def returns_of(folder: Path, *lines: str) -> list[tuple[str, str, dict[int, int]]]:
    """Of each return: the cancellation's number, the sale's number, and the quantity returned by line."""
    sales = {order_id(number): number for number in "123456"}
    return [
        (command.reference, sales[command.order_id], {line.line: line.quantity for line in command.lines})
        for command in commands_of(folder, *lines)
        if isinstance(command, ReturnItems)
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
    assert [(item.sku, item.quantity, item.price) for item in create.lines] == [
        ("71053", 6, gbp("3.39")),
        ("POST", 1, gbp("18.005")),
    ]
    assert pay == ProcessPayment(order_id=create.order_id, amount=gbp("38.345"), method="invoice")


def test_an_anonymous_sale_has_no_customer(tmp_path: Path) -> None:
    create, _ = commands_of(tmp_path, csv_line(customer=""))
    assert isinstance(create, CreateOrder)
    assert create.customer_id is None


def test_exact_repeats_are_lines_of_their_own(tmp_path: Path) -> None:
    create, pay = commands_of(tmp_path, csv_line(), csv_line())
    assert isinstance(create, CreateOrder)
    assert isinstance(pay, ProcessPayment)
    assert (len(create.lines), pay.amount) == (2, gbp("40.68"))


def test_what_costs_nothing_is_a_line_of_the_order(tmp_path: Path) -> None:
    create, pay = commands_of(tmp_path, csv_line(price="0"))
    assert isinstance(create, CreateOrder)
    assert isinstance(pay, ProcessPayment)
    assert (create.lines[0].price, pay.amount) == (gbp("0"), gbp("0"))


def test_an_invoice_is_one_order_wherever_its_lines_stand_and_its_first_time_holds(tmp_path: Path) -> None:
    sent = invoice_commands(
        tmp_path,
        csv_line(at="2010-12-01 16:57:00"),
        csv_line(invoice="536366"),
        csv_line(sku="21212", at="2010-12-01 16:58:00"),
    )
    assert [(command.invoice.number, type(command.command)) for command in sent] == [
        ("536365", CreateOrder),
        ("536365", ProcessPayment),
        ("536366", CreateOrder),
        ("536366", ProcessPayment),
    ]
    assert {command.envelope.occurred_at for command in sent[:2]} == {datetime(2010, 12, 1, 16, 57, tzinfo=UTC)}


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
    assert returns_of(tmp_path, *bought, *rows) == [("C2", "1", {1: 5, 2: 6, 3: 2})]


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
    assert isinstance(back, ReturnItems)
    assert isinstance(note, CreateCreditNote)
    assert (note.order_id, note.reference, note.customer_id) == (order_id("C2"), "C2", customer_id("17850"))
    assert [(item.sku, item.quantity, item.price) for item in note.lines] == [
        ("D", 1, gbp("3.39")),
        ("M", 2, gbp("3.39")),
    ]


def test_a_cancellation_without_a_customer_is_a_credit_note(tmp_path: Path) -> None:
    assert credits_of(tmp_path, csv_line("1", customer=""), csv_line("C2", quantity="-1", customer="")) == [
        ("71053", 1)
    ]


def test_what_was_bought_later_is_not_returned(tmp_path: Path) -> None:
    assert credits_of(tmp_path, csv_line("C1", quantity="-1"), csv_line("2")) == [("71053", 1)]
    late = csv_line("2", at="2010-12-02 08:00:00")
    assert credits_of(tmp_path, late, csv_line("C1", quantity="-1", at="2010-12-01 08:00:00")) == [("71053", 1)]


def test_an_invoice_with_a_broken_row_is_held_back_as_a_whole(tmp_path: Path) -> None:
    lines = [csv_line("1"), csv_line("1", quantity="x"), csv_line("1", sku="21212"), csv_line("2")]
    rows, refused = parse_file(write_sales_file(tmp_path, *lines))
    complete, held_back = hold_back_incomplete(group_by_invoice(rows), refused)
    assert [invoice.number for invoice in complete] == ["2"]
    # The line, then the invoice and the refused line of it that the reason names.
    assert [(refusal.line, numbers_in(refusal.reason)) for refusal in held_back] == [
        (2, [1, 3]),
        (4, [1, 3]),
    ]


def test_an_invoice_is_of_one_customer_in_one_country(tmp_path: Path) -> None:
    for other in (csv_line("1", customer="2"), csv_line("1", customer=""), csv_line("1", country="France")):
        rows, refused = parse_file(write_sales_file(tmp_path, csv_line("1"), other))
        complete, held_back = hold_back_incomplete(group_by_invoice(rows), refused)
        assert (complete, [refusal.line for refusal in held_back]) == ([], [2, 3])
        assert numbers_in(held_back[0].reason) == [1, 2]  # the invoice, its first line


def test_a_number_with_sold_and_missing_pieces_is_both(tmp_path: Path) -> None:
    sent = invoice_commands(tmp_path, csv_line("1"), csv_line("1", quantity="-1", price="0"))
    assert [type(command.command) for command in sent] == [CreateOrder, ProcessPayment, WriteOffStock]
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
