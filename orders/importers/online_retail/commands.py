"""Builds the commands of an invoice, in the order in which they are sent, with ids that are derived from the file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from itertools import groupby
from typing import TYPE_CHECKING, Final, NamedTuple
from uuid import UUID

from msgspec.structs import replace

from eventshop.cli.importing.importer import CommandToSend
from eventshop.core.deterministic_ids import derive_id
from eventshop.core.messages import Command, Envelope
from eventshop.core.money import Money
from orders.domain.commands import (
    CreateCreditNote,
    CreateOrder,
    RecordObservedLines,
    RecordObservedPayment,
    RecordObservedReturn,
    ReturnLine,
    ReverseCreditNote,
    ReverseObservedReturn,
    WriteOffStock,
)
from orders.domain.events import ExternalId, Line
from orders.importers.online_retail.invoices import Invoice, Kind
from orders.importers.online_retail.parsing import CURRENCY, Row

if TYPE_CHECKING:
    from orders.importers.online_retail.return_matching import CancellationMatch
    from orders.importers.online_retail.stored_invoices import StoredInvoice

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


class Step(NamedTuple):
    """A command, and the time of what it records. `rows` is kept in the metadata, see `describe_rows`."""

    command: Command
    at: datetime
    rows: str = ""


def sale_steps(invoice: Invoice, stored: StoredInvoice, missing: Sequence[Row]) -> list[Step]:
    """Record a sale, or what is missing of it in the store."""
    order = order_id(invoice.number)
    if not stored.commands:
        create = CreateOrder(
            order_id=order,
            reference=invoice.number,
            customer_id=customer_id(invoice.customer),
            lines=_order_lines(invoice.rows),
            country=invoice.country,
            external_ids=(ExternalId(SOURCE, invoice.number),),
            customer_external_id=_customer_external_id(invoice.customer),
        )
        pay = RecordObservedPayment(order_id=order, amount=create.total, method="invoice")
        return [Step(create, invoice.at), Step(pay, invoice.at)]
    steps, due, at = list[Step](), stored.total - (stored.paid or 0), stored.at
    first_line = stored.lines + 1
    for rows in _consecutive(missing):
        add = RecordObservedLines(order_id=order, first_line=first_line, lines=_order_lines(rows))
        steps.append(Step(add, min(row.at for row in rows)))
        first_line, due = first_line + len(rows), due + add.total.amount
    if missing:
        at = min(step.at for step in steps)
    if due or stored.paid is None:
        reference = "" if stored.paid is None else f"{invoice.number} from line {stored.lines + 1}"
        pay = RecordObservedPayment(order, Money(due, CURRENCY), "invoice", reference)
        steps.append(Step(pay, at))
    return steps


def cancellation_steps(invoice: Invoice, stored: StoredInvoice, match: CancellationMatch) -> list[Step]:
    """Reverse the returns and the credit note that are stored and do not agree with the match, and record the others.

    A reversal happened when what it reverses did, so that sums by day stay right.
    """
    number = invoice.number
    wanted = match.quantities
    is_note_right = _units(stored.credited) == _units(match.unmatched_rows)
    steps = [
        Step(ReverseObservedReturn(order, number, _return_lines(old.lines)), old.at)
        for order, old in stored.returns.items()
        if old.lines != wanted.get(order)
    ]
    if stored.credited and not is_note_right:
        steps.append(Step(ReverseCreditNote(order_id(number)), stored.credited[0].at))
    for order, lines in wanted.items():
        if order in stored.returns and stored.returns[order].lines == lines:
            continue
        back = RecordObservedReturn(order, number, _return_lines(lines), "cancellation invoice")
        steps.append(Step(back, invoice.at, describe_rows(match.returns[order])))
    if match.unmatched_rows and not is_note_right:
        steps.append(Step(_credit_note(invoice, match.unmatched_rows), invoice.at))
    return steps


def adjustment_steps(invoice: Invoice, rows: Iterable[Row]) -> list[Step]:
    return [Step(WriteOffStock(row.sku, -row.quantity, reason_of(row), invoice.number), invoice.at) for row in rows]


def describe_rows(lines: Mapping[int, Iterable[int]]) -> str:
    """The quantities of the rows that a return merges, by order line: `1=5 3=1+1`."""
    return " ".join(f"{line}={'+'.join(map(str, quantities))}" for line, quantities in sorted(lines.items()))


def parse_rows(text: str) -> dict[int, list[int]]:
    """The reverse of `describe_rows`."""
    pairs = (part.partition("=") for part in text.split())
    return {int(line): [int(quantity) for quantity in quantities.split("+")] for line, _, quantities in pairs}


def without_customer_number(steps: Iterable[Step]) -> list[Step]:
    """The same for an erased customer, about whom no personal data can be stored any more."""
    return [
        step._replace(command=replace(step.command, customer_external_id=None))
        if isinstance(step.command, CreateOrder | CreateCreditNote)
        else step
        for step in steps
    ]


def reason_of(row: Row) -> str:
    """Why units were written off."""
    return row.description.strip() or "adjustment"


def address_commands(invoice: Invoice, steps: Iterable[Step], first: int = 0) -> list[CommandToSend]:
    """The commands with their envelopes. `first`: how many commands of this invoice are stored already."""
    return [(step.command, _envelope(invoice, step, number)) for number, step in enumerate(steps, start=first)]


def _envelope(invoice: Invoice, step: Step, number: int) -> Envelope:
    # The id contains the number of the step, not its content: two imports at once store each step once.
    return Envelope(
        command_id=derive_id("retail-command", invoice.number, invoice.kind, number),
        actor=ACTOR,
        occurred_at=step.at,
        correlation_id=correlation_id(invoice.number),
        sequence_number=_MAX_EVENTS_OF_RETURN * number if invoice.kind is Kind.CANCELLATION else number,
        metadata={"line": str(invoice.line)} | ({"rows": step.rows} if step.rows else {}),
    )


def _return_lines(quantities: Mapping[int, int]) -> tuple[ReturnLine, ...]:
    return tuple(ReturnLine(line=line, quantity=quantity) for line, quantity in quantities.items())


def _units(rows: Iterable[Row]) -> Counter[tuple[str, Decimal, int]]:
    return Counter((row.sku, row.price.amount, row.quantity) for row in rows)


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


def _consecutive(rows: Iterable[Row]) -> Iterator[list[Row]]:
    """The rows that follow each other in the file: the store keeps their order, so that a cut is found again."""
    for _, numbered in groupby(enumerate(rows), key=lambda pair: pair[1].line - pair[0]):
        yield [row for _, row in numbered]


def _order_lines(rows: Iterable[Row]) -> tuple[Line, ...]:
    return tuple(
        Line(sku=row.sku, description=row.description, quantity=abs(row.quantity), price=row.price) for row in rows
    )


def _customer_external_id(number: str) -> ExternalId | None:
    return ExternalId(SOURCE, number) if number else None
