"""Finds the order line that a cancelled row returns, as the file does not name it.

It is the newest earlier sale line of this file with the same customer, product and price that has enough units left. A
row that matches none goes into a credit note.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from eventshop.core.money import Money
from orders.importers.online_retail.invoices import Invoice
from orders.importers.online_retail.parsing import Row


class SaleLine(Struct):
    """A line of a sale in this file, and the units not returned yet. Lines are numbered from 1, as in the order."""

    invoice: str
    line: int
    at: datetime
    quantity_left: int


class CancellationMatch(Struct, frozen=True):
    """The units that a cancellation returns, by invoice and line, and the rows that match no sale."""

    returns: dict[str, dict[int, int]]
    unmatched_rows: tuple[Row, ...]


class SalesLedger:
    """The sale lines by customer, product and price, newest last. Cancellations reduce what is left of them."""

    def __init__(self) -> None:
        self._sale_lines: dict[tuple[str, str, Money], list[SaleLine]] = defaultdict(list)

    def add_sale(self, sale: Invoice) -> None:
        if not sale.customer:
            return
        for number, row in enumerate(sale.rows, start=1):
            self._sale_lines[row.customer, row.sku, row.price].append(
                SaleLine(sale.number, number, sale.at, row.quantity)
            )

    def match_cancellation(self, cancellation: Invoice) -> CancellationMatch:
        returns: dict[str, dict[int, int]] = defaultdict(lambda: defaultdict(int))
        unmatched: list[Row] = []
        for row in cancellation.rows:
            if (line := self._newest_matching_line(row, cancellation.at)) is None:
                unmatched.append(row)
                continue
            line.quantity_left += row.quantity
            returns[line.invoice][line.line] -= row.quantity
        return CancellationMatch({invoice: dict(lines) for invoice, lines in returns.items()}, tuple(unmatched))

    def _newest_matching_line(self, row: Row, at: datetime) -> SaleLine | None:
        """The newest line with the same customer, product and price that has enough units left."""
        lines: Sequence[SaleLine] = self._sale_lines.get((row.customer, row.sku, row.price), ())
        for line in reversed(lines):
            if line.quantity_left >= -row.quantity and line.at <= at:
                return line
        return None
