"""Builds the commands of an invoice, in the order in which they are sent, with ids that are derived from the file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final
from uuid import UUID

from msgspec.structs import replace

from eventshop.cli.importing.importer import CommandToSend
from eventshop.core.deterministic_ids import derive_id
from eventshop.core.messages import Command, Envelope
from orders.domain.commands import (
    CreateCreditNote,
    CreateOrder,
    RecordObservedPayment,
    RecordObservedReturn,
    ReturnLine,
    WriteOffStock,
    order_total,
)
from orders.domain.events import ExternalId, Line
from orders.importers.online_retail.invoices import Invoice, Kind
from orders.importers.online_retail.parsing import Row
from orders.importers.online_retail.return_matching import CancellationMatch

#: The actor of the commands, and the source of the external ids.
ACTOR: Final = "import"
SOURCE: Final = "online-retail"
#: A return gives an event for the goods, one for the money, and one for each rule that it breaks.
_MAX_EVENTS_OF_RETURN: Final = 4


@lru_cache(maxsize=1_000)
def order_id(number: str) -> UUID:
    """The id of the order or credit note that an invoice becomes."""
    return derive_id("retail-order", number)


@lru_cache(maxsize=1_000)
def customer_id(number: str) -> UUID | None:
    """The id of a customer; None for an anonymous sale."""
    return derive_id("retail-customer", number) if number else None


@lru_cache(maxsize=1_000)
def correlation_id(number: str) -> UUID:
    """Common to all events of one number."""
    return derive_id("retail-invoice", number)


def sale_commands(invoice: Invoice) -> list[Command]:
    lines, order = _order_lines(invoice.rows), order_id(invoice.number)
    create = CreateOrder(
        order_id=order,
        reference=invoice.number,
        customer_id=customer_id(invoice.customer),
        lines=lines,
        country=invoice.country,
        external_ids=(ExternalId(SOURCE, invoice.number),),
        customer_external_id=_customer_external_id(invoice.customer),
    )
    return [create, RecordObservedPayment(order_id=order, amount=order_total(lines), method="invoice")]


def cancellation_commands(invoice: Invoice, split: CancellationMatch) -> list[Command]:
    returns: list[Command] = [
        RecordObservedReturn(
            order_id=order,
            reference=invoice.number,
            lines=tuple(ReturnLine(line=line, quantity=quantity) for line, quantity in sorted(quantities.items())),
            reason="cancellation invoice",
        )
        for order, quantities in split.returns.items()
    ]
    return [*returns, _credit_note(invoice, split.unmatched_rows)] if split.unmatched_rows else returns


def adjustment_commands(invoice: Invoice, rows: Iterable[Row]) -> list[Command]:
    return [
        WriteOffStock(
            sku=row.sku,
            quantity=-row.quantity,
            reason=reason_of(row),
            reference=invoice.number,
        )
        for row in rows
    ]


def without_customer_number(commands: Iterable[Command]) -> list[Command]:
    """The same commands for an erased customer, about whom no personal data can be stored any more."""
    return [
        replace(command, customer_external_id=None) if isinstance(command, CreateOrder | CreateCreditNote) else command
        for command in commands
    ]


def reason_of(row: Row) -> str:
    """Why units were written off."""
    return row.description.strip() or "adjustment"


def address_commands(invoice: Invoice, commands: Sequence[Command], first_step: int = 0) -> list[CommandToSend]:
    """The commands with their envelopes. `first_step`: how many commands of this invoice are stored already."""
    return [(command, _envelope(invoice, step)) for step, command in enumerate(commands, start=first_step)]


def _envelope(invoice: Invoice, step: int) -> Envelope:
    # The id contains the number of the step, not its content: two imports at once store each step once.
    return Envelope(
        command_id=derive_id("retail-command", invoice.number, invoice.kind, step),
        actor=ACTOR,
        occurred_at=invoice.at,
        correlation_id=correlation_id(invoice.number),
        sequence_number=_MAX_EVENTS_OF_RETURN * step if invoice.kind is Kind.CANCELLATION else step,
        metadata={"line": str(invoice.line)},
    )


def _credit_note(invoice: Invoice, rows: tuple[Row, ...]) -> CreateCreditNote:
    return CreateCreditNote(
        order_id=order_id(invoice.number),
        reference=invoice.number,
        customer_id=customer_id(invoice.customer),
        lines=_order_lines(rows),
        reason="cancellation invoice without an earlier sale",
        country=invoice.country,
        external_ids=(ExternalId(SOURCE, invoice.number),),
        customer_external_id=_customer_external_id(invoice.customer),
    )


def _order_lines(rows: Iterable[Row]) -> tuple[Line, ...]:
    return tuple(
        Line(sku=row.sku, description=row.description, quantity=abs(row.quantity), price=row.price) for row in rows
    )


def _customer_external_id(number: str) -> ExternalId | None:
    return ExternalId(SOURCE, number) if number else None
