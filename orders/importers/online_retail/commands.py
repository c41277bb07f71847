"""Builds the commands of each invoice, in the order in which they are sent, with ids that are derived from the file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import assert_never
from uuid import UUID

from msgspec import Struct

from eventshop.core.deterministic_ids import derive_id
from eventshop.core.messages import Command, Envelope
from orders.domain.commands import (
    CreateCreditNote,
    CreateOrder,
    ProcessPayment,
    ReturnItems,
    ReturnLine,
    WriteOffStock,
    order_total,
)
from orders.domain.events import Line
from orders.importers.online_retail.invoices import Invoice, Kind
from orders.importers.online_retail.parsing import Row
from orders.importers.online_retail.return_matching import CancellationMatch, SalesLedger


class InvoiceCommand(Struct, frozen=True):
    """A command ready to be sent, and its invoice."""

    invoice: Invoice
    command: Command
    envelope: Envelope


def import_commands(invoices: Iterable[Invoice]) -> Iterator[list[InvoiceCommand]]:
    """The commands of one invoice after the other."""
    ledger = SalesLedger()
    for invoice in invoices:
        commands = _commands(invoice, ledger)
        yield [_invoice_command(invoice, step, command) for step, command in enumerate(commands)]


def order_id(number: str) -> UUID:
    """The id of the order or credit note that an invoice becomes."""
    return derive_id("retail-order", number)


def customer_id(number: str) -> UUID | None:
    """The id of a customer; None for an anonymous sale."""
    return derive_id("retail-customer", number) if number else None


def _commands(invoice: Invoice, ledger: SalesLedger) -> list[Command]:
    match invoice.kind:
        case Kind.SALE:
            ledger.add_sale(invoice)
            return _sale(invoice)
        case Kind.CANCELLATION:
            return _cancellation(invoice, ledger.match_cancellation(invoice))
        case Kind.ADJUSTMENT:
            return _adjustment(invoice)
        case _:
            assert_never(invoice.kind)


def _sale(invoice: Invoice) -> list[Command]:
    lines, order = _order_lines(invoice.rows), order_id(invoice.number)
    create = CreateOrder(
        order_id=order,
        reference=invoice.number,
        customer_id=customer_id(invoice.customer),
        lines=lines,
        country=invoice.country,
    )
    pay = ProcessPayment(order_id=order, amount=order_total(lines), method="invoice")
    return [create, pay]


def _cancellation(invoice: Invoice, split: CancellationMatch) -> list[Command]:
    returns: list[Command] = [
        ReturnItems(
            order_id=order_id(number),
            reference=invoice.number,
            lines=tuple(ReturnLine(line=line, quantity=quantity) for line, quantity in sorted(quantities.items())),
            reason="cancellation invoice",
        )
        for number, quantities in split.returns.items()
    ]
    return [*returns, _credit_note(invoice, split.unmatched_rows)] if split.unmatched_rows else returns


def _credit_note(invoice: Invoice, rows: tuple[Row, ...]) -> CreateCreditNote:
    return CreateCreditNote(
        order_id=order_id(invoice.number),
        reference=invoice.number,
        customer_id=customer_id(invoice.customer),
        lines=_order_lines(rows),
        reason="cancellation invoice without an earlier sale",
        country=invoice.country,
    )


def _adjustment(invoice: Invoice) -> list[Command]:
    return [
        WriteOffStock(
            sku=row.sku,
            quantity=-row.quantity,
            reason=row.description.strip() or "adjustment",
            reference=invoice.number,
        )
        for row in invoice.rows
    ]


def _order_lines(rows: Iterable[Row]) -> tuple[Line, ...]:
    return tuple(
        Line(sku=row.sku, description=row.description, quantity=abs(row.quantity), price=row.price) for row in rows
    )


def _invoice_command(invoice: Invoice, step: int, command: Command) -> InvoiceCommand:
    # The id contains the number of the step, not its content: if a corrected file books a cancellation differently,
    # the id is already used and the command is refused, instead of refunding a second time.
    envelope = Envelope(
        command_id=derive_id("retail-command", invoice.number, invoice.kind, step),
        actor="import",
        occurred_at=invoice.at,
        correlation_id=derive_id("retail-invoice", invoice.number),
        sequence_number=2 * step if invoice.kind is Kind.CANCELLATION else step,  # a return gives up to two events
        metadata={"line": str(invoice.line)},
    )
    return InvoiceCommand(invoice, command, envelope)
