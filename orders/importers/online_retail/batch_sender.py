"""Letters to the store, many in one transaction; what a crash leaves out is sent by the next run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, TypeAlias

from msgspec import Struct

from eventshop.core.errors import CommandIdReused, EventShopError
from eventshop.eventstore.command_dispatcher import Outcome, Receipt, send_many
from orders.domain.commands import CreateCreditNote, CreateOrder, ReturnItems, WriteOffStock
from orders.importers.online_retail.commands import InvoiceCommand
from orders.importers.online_retail.invoices import Invoice, Kind
from orders.importers.online_retail.parsing import RefusedRow

#: A batch is one transaction: large enough to be fast, small enough to be held in memory and to stop soon.
MAX_BATCH_COMMANDS: Final = 400
MAX_BATCH_ROWS: Final = 4_000

SentCommand: TypeAlias = tuple[InvoiceCommand, Outcome]


class ImportBatch(Struct, frozen=True):
    """The letters of some invoices, and afterwards what became of each."""

    invoices: Sequence[Sequence[InvoiceCommand]]
    outcomes: Sequence[SentCommand] = ()


def send_batches(invoice_commands: Iterable[Sequence[InvoiceCommand]]) -> Iterator[ImportBatch]:
    """Send batch after batch; what has been given back is stored. Raises what `send_many` raises."""
    for invoices in _split_into_batches(invoice_commands):
        yield ImportBatch(invoices, list(_send_invoices(invoices)))


def _split_into_batches(invoice_commands: Iterable[Sequence[InvoiceCommand]]) -> Iterator[list[Sequence[InvoiceCommand]]]:
    batch: list[Sequence[InvoiceCommand]] = []
    commands = rows = 0
    for commands_of_invoice in invoice_commands:
        if batch and (commands + len(commands_of_invoice) > MAX_BATCH_COMMANDS or rows + len(commands_of_invoice[0].invoice.rows) > MAX_BATCH_ROWS):
            yield batch
            batch, commands, rows = [], 0, 0
        batch.append(commands_of_invoice)
        commands += len(commands_of_invoice)
        rows += len(commands_of_invoice[0].invoice.rows)
    if batch:
        yield batch


def _send_invoices(invoices: Sequence[Sequence[InvoiceCommand]]) -> Iterator[SentCommand]:
    """A cancellation's letters go one by one, each only after the one before it was accepted.

    If the file has changed since the cancellation was imported, its letters differ from some step on. That step's id
    is taken, so that it is refused; what follows must not be sent, or it would refund the same pieces again.
    """
    waiting = list(invoices)
    while waiting:
        wave = [some[:1] if some[0].invoice.kind is Kind.CANCELLATION else some for some in waiting]
        letters = [letter for some in wave for letter in some]
        outcomes = send_many([(letter.command, letter.envelope) for letter in letters])
        yield from zip(letters, outcomes, strict=True)
        refused = {
            letter.envelope.command_id
            for letter, outcome in zip(letters, outcomes, strict=True)
            if isinstance(outcome, EventShopError)
        }
        waiting = [
            some[len(gone) :]
            for some, gone in zip(waiting, wave, strict=True)
            if len(some) > len(gone) and gone[-1].envelope.command_id not in refused
        ]


class InvoiceTally(Struct):
    """What an import has done so far. Counts what this run wrote; `already_there` is what an earlier one had."""

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
        """Count a batch, and give the rows whose commands were refused."""
        self.invoices += len(batch.invoices)
        refused: dict[int, list[RefusedRow]] = {}
        for letter, outcome in batch.outcomes:
            if isinstance(outcome, Receipt):
                self._count(letter, outcome)
            else:
                refused.setdefault(letter.invoice.line, _refused_rows(letter.invoice, outcome))
        return [refusal for rows in refused.values() for refusal in rows]

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
                pass  # a payment is told with its order


def _refused_rows(invoice: Invoice, error: EventShopError) -> list[RefusedRow]:
    reason = f"invoice {invoice.number}: {error}"
    if isinstance(error, CommandIdReused):
        reason = f"invoice {invoice.number} was imported before with other contents; what is stored stays"
    return [RefusedRow(row.line, reason, invoice.number) for row in invoice.rows]
