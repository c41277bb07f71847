"""Imports a shop's invoices: asks the store what is there, and sends the rest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final, cast

from eventshop.cli.importing.file_format import FileFormat
from eventshop.cli.importing.importer import FileImporter, FileUnit, UnitPlan
from eventshop.cli.importing.unit_index import Placement, Suspect, UnitIndex
from eventshop.core.messages import Command
from eventshop.eventstore.command_receipts import Receipt
from orders.domain.commands import CreateCreditNote, CreateOrder, RecordObservedReturn, WriteOffStock
from orders.importers.online_retail.commands import (
    address_commands,
    adjustment_commands,
    cancellation_commands,
    customer_id,
    order_id,
    sale_commands,
    without_customer_number,
)
from orders.importers.online_retail.file_totals import FileTotals
from orders.importers.online_retail.invoices import (
    Invoice,
    Kind,
    order_of,
    place_row,
    read_invoices,
    suspect_invoices,
)
from orders.importers.online_retail.parsing import LAYOUT, Row, parse_row
from orders.importers.online_retail.return_matching import SaleKey, SaleLine, SalesLedger
from orders.importers.online_retail.stored_invoices import Comparison, compare_with_store, load_sale_lines

#: Invoices compared with the store at a time.
_INVOICES: Final = 200


class OnlineRetailImporter(FileImporter[Row]):
    units_noun = "invoices"
    layout = LAYOUT

    def __init__(self) -> None:
        self.ledger = SalesLedger(())
        self._stored: Counter[type[Command]] = Counter()
        self._totals = FileTotals()

    def create_index(self) -> UnitIndex[Row]:
        return UnitIndex(Row, lambda row: row.line)

    def parse(self, line: int, cells: list[str], file_format: FileFormat) -> Row:
        return parse_row(line, cells, file_format)

    def place(self, row: Row) -> Placement:
        return place_row(row)

    def suspects(self, cells: list[str], *, misshapen: bool) -> tuple[list[Suspect], bool]:
        return suspect_invoices(cells, misshapen=misshapen)

    def explain_disagreement(self, rows: Sequence[Row]) -> str:
        return f"invoice {rows[0].invoice} names two customers or countries, first in line {rows[0].line}"

    def units(self, index: UnitIndex[Row]) -> Iterator[Invoice]:
        return read_invoices(index)

    def prepare(self, index: UnitIndex[Row]) -> None:
        """Load the stored lines that the new cancellations of the file may return."""
        wanted: set[SaleKey] = set()
        for invoices in _chunks(read_invoices(index, cancellations_only=True)):
            for invoice, comparison in zip(invoices, compare_with_store(invoices), strict=True):
                customer = customer_id(invoice.customer)
                if customer is not None:
                    wanted |= {(customer, row.sku, row.price.amount) for row in comparison.missing}
        self.ledger = SalesLedger(wanted)
        for key, line in load_sale_lines({customer for customer, _, _ in wanted}):
            self.ledger.add(*key, line)

    def plan(self, units: Sequence[FileUnit[Row]]) -> list[UnitPlan[Row]]:
        invoices = cast(Sequence[Invoice], units)
        return [self.plan_invoice(*pair) for pair in zip(invoices, compare_with_store(invoices), strict=True)]

    def plan_invoice(self, invoice: Invoice, comparison: Comparison) -> UnitPlan[Row]:
        """Build the commands of what is missing in the store; sales must come before their cancellations."""
        if comparison.differs:
            reason = f"{invoice.name} was imported before with other contents; what is stored stays"
            return UnitPlan(invoice, refusal=reason)
        commands = self._missing_commands(invoice, comparison)
        if comparison.is_customer_erased:
            commands = without_customer_number(commands)
        there = len(invoice.rows) - len(comparison.missing)
        return UnitPlan(invoice, address_commands(invoice, commands, comparison.stored_commands), rows_there=there)

    def _missing_commands(self, invoice: Invoice, comparison: Comparison) -> list[Command]:
        match invoice.kind:
            case Kind.SALE:
                if comparison.missing:
                    self._add_sale(invoice)
                return sale_commands(invoice)[comparison.stored_commands :]
            case Kind.CANCELLATION:
                customer = customer_id(invoice.customer)
                return cancellation_commands(invoice, self.ledger.match(invoice, comparison.missing, customer))
            case Kind.ADJUSTMENT:
                return adjustment_commands(invoice, comparison.missing)

    def _add_sale(self, invoice: Invoice) -> None:
        customer, order = customer_id(invoice.customer), order_id(invoice.number)
        if customer is None or not self.ledger.wants(customer):
            return
        position = order_of(invoice.number, invoice.at)
        for number, row in enumerate(invoice.rows, start=1):
            self.ledger.add(customer, row.sku, row.price.amount, SaleLine(order, number, position, row.quantity))

    def count(self, plan: UnitPlan[Row], receipts: Sequence[Receipt]) -> None:
        self._stored.update(
            type(command) for (command, _), receipt in zip(plan.commands, receipts, strict=True) if not receipt.replayed
        )

    def summary(self) -> str:
        stored = self._stored
        return (
            f"{stored[CreateOrder]:,} orders, {stored[CreateCreditNote]:,} credit notes, "
            f"{stored[RecordObservedReturn]:,} returns and {stored[WriteOffStock]:,} write-offs imported"
        )

    def add_to_totals(self, unit: FileUnit[Row]) -> None:
        self._totals.add(cast(Invoice, unit))

    def totals(self) -> list[str]:
        return self._totals.describe()


def _chunks(invoices: Iterator[Invoice]) -> Iterator[list[Invoice]]:
    while chunk := list(islice(invoices, _INVOICES)):
        yield chunk
