"""The control totals of a file of invoices, to compare with the shop's books before anything is written."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from decimal import Decimal

from orders.importers.online_retail.invoices import Invoice, Kind
from orders.importers.online_retail.parsing import CURRENCY


class FileTotals:
    """Invoices, rows, units and money by kind."""

    def __init__(self) -> None:
        self.invoices: Counter[Kind] = Counter()
        self.rows: Counter[Kind] = Counter()
        self.units: Counter[Kind] = Counter()
        self.money = dict.fromkeys(Kind, Decimal(0))
        self.first: datetime | None = None
        self.last: datetime | None = None

    def add(self, invoice: Invoice) -> None:
        kind = invoice.kind
        self.invoices[kind] += 1
        self.rows[kind] += len(invoice.rows)
        self.units[kind] += sum(row.quantity for row in invoice.rows)
        self.money[kind] += sum((row.price.amount * row.quantity for row in invoice.rows), Decimal(0))
        self.first = min(filter(None, (self.first, invoice.at)))
        self.last = max(filter(None, (self.last, invoice.at)))

    def describe(self) -> list[str]:
        kinds = [
            f"{kind}: {self.invoices[kind]:,} invoices, {self.rows[kind]:,} rows, {self.units[kind]:,} units, "
            f"{self.money[kind]:,} {CURRENCY}"
            for kind in Kind
        ]
        span = f"from {self.first:%Y-%m-%d %H:%M} to {self.last:%Y-%m-%d %H:%M} UTC" if self.first else "no invoice"
        return [*kinds, f"net: {sum(self.money.values()):,} {CURRENCY}", span]
