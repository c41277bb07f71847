"""Imports a shop's invoices: asks the store what is there, and sends what is missing or no longer right."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Final, TypeAlias, cast
from uuid import UUID

from msgspec.structs import replace

from eventshop.cli.importing.file_format import FileFormat
from eventshop.cli.importing.importer import FileImporter, FileUnit, UnitPlan
from eventshop.cli.importing.unit_index import Placement, Suspect, UnitIndex
from eventshop.core.messages import Command
from eventshop.eventstore.command_receipts import Receipt
from orders.domain.commands import CreateCreditNote, CreateOrder, RecordObservedReturn, WriteOffStock
from orders.importers.online_retail.commands import (
    Step,
    address_commands,
    adjustment_steps,
    cancellation_steps,
    customer_id,
    order_id,
    sale_steps,
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
from orders.importers.online_retail.return_matching import CancellationMatch, SaleLine, SalesLedger, key_of
from orders.importers.online_retail.stored_invoices import Comparison, compare_with_store
from orders.importers.online_retail.stored_sales import find_cancellations, load_sale_lines

#: Invoices compared with the store at a time.
_INVOICES: Final = 200
Compared: TypeAlias = tuple[Invoice, Comparison]


class OnlineRetailImporter(FileImporter[Row]):
    units_noun = "invoices"
    layout = LAYOUT

    def __init__(self) -> None:
        self._countries: dict[str, str] = {}  # of the customers of the file, by their numbers
        self._first_line = self._last_line = self._changes_of_unit = 0
        self._last_unit = ""
        self._is_in_order = False
        self.matches: dict[str, CancellationMatch] = {}
        self._others: list[Compared] = []  # cancellations that are stored and not in the file
        self._wrong: list[Compared] = []  # cancellations of which the store has returns that do not hold
        self._stored: Counter[type[Command]] = Counter()
        self._continued: list[Comparison] = []
        self._totals = FileTotals()

    def create_index(self) -> UnitIndex[Row]:
        return UnitIndex(Row, lambda row: row.line)

    def parse(self, line: int, cells: list[str], file_format: FileFormat) -> Row:
        return parse_row(line, cells, file_format)

    def place(self, row: Row) -> Placement:
        if row.customer:
            self._countries[row.customer] = row.country
        place = place_row(row)
        self._first_line, self._last_line = self._first_line or row.line, row.line
        if place.unit != self._last_unit:
            self._last_unit = place.unit
            self._changes_of_unit += 1
        return place

    def suspects(self, cells: list[str], *, misshapen: bool) -> tuple[list[Suspect], bool]:
        return suspect_invoices(cells, misshapen=misshapen)

    def explain_disagreement(self, rows: Sequence[Row]) -> str:
        return f"invoice {rows[0].invoice} names two customers or countries, first in line {rows[0].line}"

    def units(self, index: UnitIndex[Row]) -> Iterator[Invoice]:
        return read_invoices(index)

    def prepare(self, index: UnitIndex[Row]) -> None:
        """Match all cancellations of the file's customers with all their sales, those of the store and of the file."""
        self._continued = []
        self._is_in_order = self._changes_of_unit == sum(1 for _ in index.units())
        cancellations = list(self._compare_all(read_invoices(index, Kind.CANCELLATION)))
        in_file = {invoice.number for invoice, _ in cancellations}
        self._others = list(find_cancellations(self._countries, besides=in_file))
        cancellations += self._others
        ledger = SalesLedger(comparison.complete(invoice) for invoice, comparison in cancellations)
        earlier: dict[UUID, datetime] = {}
        if ledger.customers:
            sales = (one for one in read_invoices(index, Kind.SALE) if customer_id(one.customer) in ledger.customers)
            earlier = add_sales(ledger, self._compare_all(sales))
        free_again = Counter[tuple[UUID, int]]()
        for _, comparison in cancellations:
            for order, back in comparison.stored.returns.items():
                free_again.update({(order, line): quantity for line, quantity in back.lines.items()})
        for key, line in load_sale_lines(ledger.customers, free_again, earlier):
            ledger.add(key, line)
        self.matches = ledger.match()
        self._wrong = [pair for pair in cancellations if self._is_matched_otherwise(*pair)]

    def plan(self, units: Sequence[FileUnit[Row]]) -> list[UnitPlan[Row]]:
        invoices = cast(Sequence[Invoice], units)
        return [self.plan_invoice(*pair) for pair in self._compare_all(iter(invoices))]

    def releases(self) -> Iterator[UnitPlan[Row]]:
        """Make credit notes of returns that do not hold, so that others may return these units."""
        for invoice, comparison in self._wrong:
            stored = comparison.stored
            whole = comparison.complete(invoice, missing=())
            steps = cancellation_steps(whole, stored, CancellationMatch({}, tuple(whole.rows)))
            yield self._plan(replace(whole, rows=()), comparison, steps)

    def corrections(self) -> Iterator[UnitPlan[Row]]:
        for invoice, comparison in self._compare_all(invoice for invoice, _ in self._others):
            plan = self.plan_invoice(invoice, comparison)
            if plan.commands:
                yield plan

    def plan_invoice(self, invoice: Invoice, comparison: Comparison) -> UnitPlan[Row]:
        """Build the commands of what is missing in the store."""
        if comparison.differs:
            reason = f"{invoice.name} was imported before with other contents; what is stored stays"
            return UnitPlan(invoice, refusal=reason)
        if comparison.missing and comparison.stored.commands:
            self._continued.append(comparison)
        return self._plan(invoice, comparison, self._steps(invoice, comparison))

    def _plan(self, invoice: Invoice, comparison: Comparison, steps: list[Step]) -> UnitPlan[Row]:
        if comparison.is_customer_erased:
            steps = without_customer_number(steps)
        there = len(invoice.rows) - len(comparison.missing) if invoice.rows else 0
        return UnitPlan(invoice, address_commands(invoice, steps, comparison.stored.commands), rows_there=there)

    def _is_matched_otherwise(self, invoice: Invoice, comparison: Comparison) -> bool:
        match = self.matches.get(invoice.number)
        return match is not None and any(
            back.lines != match.quantities.get(order) for order, back in comparison.stored.returns.items()
        )

    def _compare_all(self, invoices: Iterator[Invoice]) -> Iterator[Compared]:
        while chunk := list(islice(invoices, _INVOICES)):
            for invoice, comparison in zip(chunk, compare_with_store(chunk, self._is_cut), strict=True):
                if comparison.changed and self._is_whole(invoice):
                    comparison = replace(comparison, differs=True)
                yield invoice, comparison

    def _is_whole(self, invoice: Invoice) -> bool:
        """Whether the file has all rows of an invoice: it was not cut within it, as it begins and ends inside."""
        return self._is_in_order and invoice.is_in_one_piece and self._is_inside(invoice)

    def _is_cut(self, invoice: Invoice) -> bool:
        """Whether the file may have only the first, the last or some rows in the middle of an invoice, in order."""
        return self._is_in_order and invoice.is_in_one_piece and not self._is_inside(invoice)

    def _is_inside(self, invoice: Invoice) -> bool:
        return self._first_line < invoice.line and invoice.last_line < self._last_line

    def _steps(self, invoice: Invoice, comparison: Comparison) -> list[Step]:
        match invoice.kind:
            case Kind.SALE:
                return sale_steps(invoice, comparison.stored, comparison.missing)
            case Kind.CANCELLATION:
                whole = comparison.complete(invoice)
                match = self.matches.get(invoice.number) or CancellationMatch({}, tuple(whole.rows))
                return cancellation_steps(whole, comparison.stored, match)
            case Kind.ADJUSTMENT:
                return adjustment_steps(invoice, comparison.missing)

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

    def warnings(self) -> Iterator[str]:
        if self._continued:
            rows = sum(len(comparison.missing) for comparison in self._continued)
            first = self._continued[0].missing[0]
            yield (
                f"{rows:,} rows were added to {len(self._continued):,} invoices that were stored before, first to "
                f"{first.invoice} in line {first.line}; if the shop changed such a row, its former one is stored too"
            )

    def add_to_totals(self, unit: FileUnit[Row]) -> None:
        self._totals.add(cast(Invoice, unit))

    def totals(self) -> list[str]:
        return self._totals.describe()


def add_sales(ledger: SalesLedger, sales: Iterable[Compared]) -> dict[UUID, datetime]:
    """Add the lines of a file that the store has not; gives the times of the orders that they belong to."""
    times: dict[UUID, datetime] = {}
    for invoice, comparison in sales:
        missing = comparison.missing
        if not (invoice.customer and missing) or comparison.differs or invoice.held_back:
            continue
        order = order_id(invoice.number)
        times[order] = at = min([comparison.stored.at, *(row.at for row in missing)])
        for number, row in enumerate(missing, start=comparison.stored.lines + 1):
            ledger.add(key_of(row), SaleLine(order, number, order_of(invoice.number, at), row.quantity))
    return times
