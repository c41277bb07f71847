"""Finds the order line that a cancelled row returns, as the file does not name it.

It is in the newest earlier sale to the same customer that has a line of the same product and price with enough units
left; of several such lines the one with the fewest. A row that matches none goes into a credit note. Cancellations are
matched in the order in which they happened, the larger rows of each first: so the result depends on nothing but what
was sold and cancelled, never on the order in which it became known.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal
from typing import TypeAlias
from uuid import UUID

from msgspec import Struct

from orders.importers.online_retail.commands import customer_id
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
    """The quantities of the rows that return units, by order and line, and the rows that match no sale."""

    returns: dict[UUID, dict[int, list[int]]]
    unmatched_rows: tuple[Row, ...]

    @property
    def quantities(self) -> dict[UUID, dict[int, int]]:
        """The units that come back, by order and line."""
        return {
            order: {line: sum(rows) for line, rows in sorted(lines.items())} for order, lines in self.returns.items()
        }


class SalesLedger:
    """The lines that some cancellations may return. No others are kept: it grows with the cancellations only."""

    def __init__(self, cancellations: Iterable[Invoice]) -> None:
        self._cancellations = [invoice for invoice in cancellations if invoice.customer]
        self._lines: dict[SaleKey, list[SaleLine]] = {
            key_of(row): [] for invoice in self._cancellations for row in invoice.rows
        }
        self.customers = {customer for customer, _, _ in self._lines}

    def add(self, key: SaleKey, line: SaleLine) -> None:
        """Add a line, if a cancellation may return it."""
        if (lines := self._lines.get(key)) is not None:
            lines.append(line)

    def match(self) -> dict[str, CancellationMatch]:
        """What each cancellation returns, by its number."""
        in_order = sorted(self._cancellations, key=lambda invoice: order_of(invoice.number, invoice.at))
        return {invoice.number: self._match(invoice) for invoice in in_order}

    def _match(self, cancellation: Invoice) -> CancellationMatch:
        returns: dict[UUID, dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
        unmatched: set[int] = set()
        before = order_of(cancellation.number, cancellation.at)
        for place, row in sorted(enumerate(cancellation.rows), key=lambda pair: pair[1].quantity):
            line = _line_to_return(self._lines[key_of(row)], -row.quantity, before)
            if line is None:
                unmatched.add(place)
                continue
            line.quantity_left += row.quantity
            returns[line.order_id][line.line].append(-row.quantity)
        rows = tuple(row for place, row in enumerate(cancellation.rows) if place in unmatched)
        return CancellationMatch({order: dict(lines) for order, lines in returns.items()}, rows)


def key_of(row: Row) -> SaleKey:
    """Raises `ValueError` for an anonymous sale."""
    customer = customer_id(row.customer)
    if customer is None:
        raise ValueError("an anonymous sale cannot be found again")
    return customer, row.sku, row.price.amount


def _line_to_return(lines: Iterable[SaleLine], quantity: int, before: InvoiceOrder) -> SaleLine | None:
    able = (line for line in lines if line.quantity_left >= quantity and line.order < before)
    return max(able, key=lambda line: (line.order, -line.quantity_left, line.line), default=None)
