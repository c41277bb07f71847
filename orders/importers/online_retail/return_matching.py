"""Finds the order line that a cancelled row returns, as the file does not name it.

It is the newest earlier line of an imported sale with the same customer, product and price that has enough units left,
in this file or in the store. A row that matches none goes into a credit note.
"""

from __future__ import annotations

from bisect import insort
from collections import defaultdict
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import TypeAlias
from uuid import UUID

from msgspec import Struct

from orders.importers.online_retail.invoices import Invoice, InvoiceOrder, order_of
from orders.importers.online_retail.parsing import Row

#: Customer, SKU and unit price.
SaleKey: TypeAlias = tuple[UUID, str, Decimal]


class SaleLine(Struct):
    """A line of a sale, and the units not returned yet. Lines are numbered from 1, as in the order."""

    order_id: UUID
    line: int
    order: InvoiceOrder
    quantity_left: int


class CancellationMatch(Struct, frozen=True):
    """The units that a cancellation returns, by order and line, and the rows that match no sale."""

    returns: dict[UUID, dict[int, int]]
    unmatched_rows: tuple[Row, ...]


class SalesLedger:
    """The lines that the cancellations of a file may return, oldest first. Cancellations reduce what is left of them.

    Lines of other customers, products and prices are not kept, so that it grows with the cancellations only.
    """

    def __init__(self, wanted: Iterable[SaleKey]) -> None:
        self._lines: dict[UUID, dict[tuple[str, Decimal], list[SaleLine]]] = defaultdict(dict)
        for customer, sku, price in wanted:
            self._lines[customer][sku, price] = []

    def wants(self, customer: UUID) -> bool:
        """Whether a cancellation may return lines of this customer."""
        return customer in self._lines

    def add(self, customer: UUID, sku: str, price: Decimal, line: SaleLine) -> None:
        """Add a line, if a cancellation may return it."""
        if (lines := self._lines.get(customer, {}).get((sku, price))) is not None:
            insort(lines, line, key=lambda line: (line.order, line.line))

    def match(self, cancellation: Invoice, rows: Iterable[Row], customer: UUID | None) -> CancellationMatch:
        """Match some rows of a cancellation and take what they return off the lines."""
        returns: dict[UUID, dict[int, int]] = defaultdict(lambda: defaultdict(int))
        unmatched: list[Row] = []
        before = order_of(cancellation.number, cancellation.at)
        for row in rows:
            lines = self._lines.get(customer, {}).get((row.sku, row.price.amount), ()) if customer else ()
            line = _newest_line(lines, -row.quantity, before)
            if line is None:
                unmatched.append(row)
                continue
            line.quantity_left += row.quantity
            returns[line.order_id][line.line] -= row.quantity
        return CancellationMatch({order: dict(lines) for order, lines in returns.items()}, tuple(unmatched))


def _newest_line(lines: Sequence[SaleLine], quantity: int, before: InvoiceOrder) -> SaleLine | None:
    return next((line for line in reversed(lines) if line.quantity_left >= quantity and line.order < before), None)
