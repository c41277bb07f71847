"""From rows to invoices: one sale, one cancellation or one count of missing stock."""

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
    """All rows of one invoice, wherever they stand in the file; its time is the first one's."""

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
    """In order of first appearance; numbers that hold both sold and missing pieces give two."""
    found: dict[tuple[str, Kind], list[Row]] = {}
    for row in rows:
        found.setdefault((row.invoice, _kind(row)), []).append(row)
    return [Invoice(number, kind, tuple(rows)) for (number, kind), rows in found.items()]


def hold_back_incomplete(found: Iterable[Invoice], refused: Iterable[RefusedRow]) -> tuple[list[Invoice], list[RefusedRow]]:
    """The invoices to import, and why the rows of the others are held back.

    An invoice with a refused row is held back as a whole: an order without that row would be paid and returned
    wrongly, and once stored it could not be completed.
    """
    broken = {refusal.invoice: refusal.line for refusal in reversed(list(refused))}
    kept, held = list[Invoice](), list[RefusedRow]()
    for invoice in found:
        why = _mixed_parties_reason(invoice)
        if invoice.number in broken:
            why = f"held back with the rest of invoice {invoice.number}, see line {broken[invoice.number]}"
        if why is None:
            kept.append(invoice)
        else:
            held += [RefusedRow(row.line, why, row.invoice) for row in invoice.rows]
    return kept, held


def _mixed_parties_reason(invoice: Invoice) -> str | None:
    for row in invoice.rows:
        if (row.customer, row.country) != (invoice.customer, invoice.country):
            return f"invoice {invoice.number} names two customers or countries, first in line {invoice.line}"
    return None


def _kind(row: Row) -> Kind:
    if row.invoice.startswith("C"):
        return Kind.CANCELLATION
    return Kind.SALE if row.quantity > 0 else Kind.ADJUSTMENT
