"""Groups rows into invoices: sales, cancellations and stock adjustments."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from orders.importers.online_retail.parsing import RefusedRow, Row


class Kind(StrEnum):
    SALE = "sale"
    CANCELLATION = "cancellation"
    ADJUSTMENT = "adjustment"


class Invoice(Struct, frozen=True):
    """All rows of one invoice, wherever they are in the file. Its time is that of the first row."""

    number: str
    kind: Kind
    rows: tuple[Row, ...]

    @property
    def line(self) -> int:
        return self.rows[0].line

    @property
    def at(self) -> datetime:
        return self.rows[0].at

    @property
    def customer(self) -> str:
        return self.rows[0].customer

    @property
    def country(self) -> str:
        return self.rows[0].country


def group_by_invoice(rows: Iterable[Row]) -> list[Invoice]:
    """The invoices in order of first appearance. A number with both sold and missing units gives two invoices."""
    rows_by_invoice: dict[tuple[str, Kind], list[Row]] = {}
    for row in rows:
        rows_by_invoice.setdefault((row.invoice, _kind(row)), []).append(row)
    return [Invoice(number, kind, tuple(rows)) for (number, kind), rows in rows_by_invoice.items()]


def hold_back_incomplete(
    invoices: Iterable[Invoice], refused: Iterable[RefusedRow]
) -> tuple[list[Invoice], list[RefusedRow]]:
    """The invoices to import, and the rows of the others with the reason why they are held back.

    An invoice with a refused row is held back as a whole: payments and returns of an order without that row would be
    wrong, and a stored order cannot be completed later.
    """
    first_refused_line = {refusal.invoice: refusal.line for refusal in reversed(list(refused))}
    kept, held_back = list[Invoice](), list[RefusedRow]()
    for invoice in invoices:
        reason = _mixed_parties_reason(invoice)
        if invoice.number in first_refused_line:
            reason = (
                f"held back with the rest of invoice {invoice.number}, see line {first_refused_line[invoice.number]}"
            )
        if reason is None:
            kept.append(invoice)
        else:
            held_back += [RefusedRow(row.line, reason, row.invoice) for row in invoice.rows]
    return kept, held_back


def _mixed_parties_reason(invoice: Invoice) -> str | None:
    for row in invoice.rows:
        if (row.customer, row.country) != (invoice.customer, invoice.country):
            return f"invoice {invoice.number} names two customers or countries, first in line {invoice.line}"
    return None


def _kind(row: Row) -> Kind:
    if row.invoice.startswith("C"):
        return Kind.CANCELLATION
    return Kind.SALE if row.quantity > 0 else Kind.ADJUSTMENT
