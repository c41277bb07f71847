"""Sends import commands in batches of one transaction each. After a crash the next run sends the remaining ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, TypeAlias

from msgspec import Struct

from eventshop.core.errors import CommandIdReused, EventShopError
from eventshop.eventstore.command_dispatcher import Outcome, send_many
from eventshop.eventstore.command_receipts import Receipt
from orders.domain.commands import CreateCreditNote, CreateOrder, ReturnItems, WriteOffStock
from orders.importers.online_retail.commands import InvoiceCommand
from orders.importers.online_retail.invoices import Invoice, Kind
from orders.importers.online_retail.parsing import RefusedRow

#: A batch is one transaction: large enough to be fast, small enough to fit into memory and to stop soon.
MAX_BATCH_COMMANDS: Final = 400
MAX_BATCH_ROWS: Final = 4_000

SentCommand: TypeAlias = tuple[InvoiceCommand, Outcome]


class ImportBatch(Struct, frozen=True):
    """The commands of some invoices, and after sending the outcome of each."""

    invoices: Sequence[Sequence[InvoiceCommand]]
    outcomes: Sequence[SentCommand] = ()


def send_batches(invoice_commands: Iterable[Sequence[InvoiceCommand]]) -> Iterator[ImportBatch]:
    """Send batch after batch. A batch that was yielded is stored. Raises what `send_many` raises."""
    for invoices in _split_into_batches(invoice_commands):
        yield ImportBatch(invoices, list(_send_invoices(invoices)))


def _split_into_batches(
    invoice_commands: Iterable[Sequence[InvoiceCommand]],
) -> Iterator[list[Sequence[InvoiceCommand]]]:
    batch: list[Sequence[InvoiceCommand]] = []
    commands = rows = 0
    for commands_of_invoice in invoice_commands:
        new_commands, new_rows = len(commands_of_invoice), len(commands_of_invoice[0].invoice.rows)
        if batch and (commands + new_commands > MAX_BATCH_COMMANDS or rows + new_rows > MAX_BATCH_ROWS):
            yield batch
            batch, commands, rows = [], 0, 0
        batch.append(commands_of_invoice)
        commands += new_commands
        rows += new_rows
    if batch:
        yield batch


def _send_invoices(invoices: Sequence[Sequence[InvoiceCommand]]) -> Iterator[SentCommand]:
    """Send the commands of several invoices. A cancellation's commands are sent one by one, each after the previous
    one was accepted.

    If the file has changed since the cancellation was imported, its commands differ from some step on. That step's
    command id was used already, so it is refused. The steps after it must not be sent: they would refund the same
    items again.
    """
    remaining = list(invoices)
    while remaining:
        round_ = [some[:1] if some[0].invoice.kind is Kind.CANCELLATION else some for some in remaining]
        commands = [command for some in round_ for command in some]
        outcomes = send_many([(command.command, command.envelope) for command in commands])
        yield from zip(commands, outcomes, strict=True)
        refused = {
            command.envelope.command_id
            for command, outcome in zip(commands, outcomes, strict=True)
            if isinstance(outcome, EventShopError)
        }
        remaining = [
            some[len(sent) :]
            for some, sent in zip(remaining, round_, strict=True)
            if len(some) > len(sent) and sent[-1].envelope.command_id not in refused
        ]


class InvoiceTally(Struct):
    """What this run has written so far; `already_there` counts the commands that an earlier run sent."""

    invoices: int = 0
    orders: int = 0
    credit_notes: int = 0
    returns: int = 0
    write_offs: int = 0
    events: int = 0
    already_there: int = 0

    @property
    def done(self) -> int:
        return self.invoices

    def add(self, batch: ImportBatch) -> list[RefusedRow]:
        """Count a batch; gives the rows whose commands were refused."""
        self.invoices += len(batch.invoices)
        refused: dict[int, list[RefusedRow]] = {}
        for command, outcome in batch.outcomes:
            if isinstance(outcome, Receipt):
                self._count(command, outcome)
            else:
                refused.setdefault(command.invoice.line, _refused_rows(command.invoice, outcome))
        return [row for rows in refused.values() for row in rows]

    def _count(self, command: InvoiceCommand, receipt: Receipt) -> None:
        if receipt.replayed:
            self.already_there += 1
            return
        self.events += receipt.events
        match command.command:
            case CreateOrder():
                self.orders += 1
            case CreateCreditNote():
                self.credit_notes += 1
            case ReturnItems():
                self.returns += 1
            case WriteOffStock():
                self.write_offs += 1
            case _:
                pass  # a payment is counted with its order


def _refused_rows(invoice: Invoice, error: EventShopError) -> list[RefusedRow]:
    reason = f"invoice {invoice.number}: {error}"
    if isinstance(error, CommandIdReused):
        reason = f"invoice {invoice.number} was imported before with other contents; the stored order is unchanged"
    return [RefusedRow(row.line, reason, invoice.number) for row in invoice.rows]
