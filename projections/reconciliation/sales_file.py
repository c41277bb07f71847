"""Totals of an Online Retail file that no read model keeps, from a second, independent parser.

It shares no code with the importer on purpose: `verify_sales` must not repeat the importer's mistakes.
"""

from __future__ import annotations

import csv
import gzip
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Final, TypeAlias

from eventshop.core.errors import EventShopError

#: InvoiceNo, StockCode, Description, Quantity, InvoiceDate, UnitPrice, CustomerID, Country
Cells: TypeAlias = tuple[str, ...]
#: Errors that an unreadable file or an invalid number raises.
READ_ERRORS: Final = (OSError, EOFError, zlib.error, ValueError, ArithmeticError, csv.Error)

MATCH_KINDS: Final = (
    "no_customer",
    "no_earlier_sale",
    "matched_one_line_same_price",
    "more_than_was_bought",
    "matched_several_lines_or_other_price",
)


class UnreadableSales(EventShopError):
    """This file of sales cannot be read."""

    code = "unreadable-sales"


class SalesFile:
    """The rows of a file and the totals computed from them; raises `UnreadableSales`."""

    def __init__(self, path: Path) -> None:
        try:
            self.rows = list(_read_rows(path))
            self.totals = self._totals()
        except READ_ERRORS as error:
            raise UnreadableSales(f"{path}: {error}", file=str(path)) from error

    @property
    def customers(self) -> set[str]:
        """Customer numbers without the decimal part that the file writes (`17850.0`)."""
        return {row[6].partition(".")[0] for row in self.rows} - {""}

    @property
    def stock_codes(self) -> set[str]:
        return {row[1] for row in self.rows}

    @property
    def invoices(self) -> set[str]:
        return {row[0] for row in self.rows}

    def count_rows_by_date(self, length: int) -> Counter[str]:
        """Count rows by the first characters of their date: 10 for days, 7 for months."""
        return Counter(row[4][:length] for row in self.rows)

    def _totals(self) -> dict[str, object]:
        kinds, times, products = defaultdict[str, set[str]](set), defaultdict[str, set[str]](set), Counter[Cells]()
        for row in self.rows:
            kinds[row[0]].add(row_kind(row))
            times[row[0]].add(row[4])
            products[row[:2]] += 1
        bad_debt = [Decimal(row[5]) * int(row[3]) for row in self.rows if row_kind(row) == "baddebt"]
        return {
            "rows": len(self.rows),
            "rows_by_kind.cancel": sum(row_kind(row) == "cancel" for row in self.rows),
            "rows_price_zero": sum(not Decimal(row[5]) for row in self.rows),
            "rows_blank_description": sum(not row[2].strip() for row in self.rows),
            "exact_duplicate_rows": len(self.rows) - len(set(self.rows)),
            "repeat_stockcode_lines_in_invoice": len(self.rows) - len(products),
            "invoices_mixed_kind": sum(len(row_kinds) > 1 for row_kinds in kinds.values()),
            "invoices_two_timestamps": sum(len(row_times) > 1 for row_times in times.values()),
            "invoices_baddebt": sum("baddebt" in row_kinds for row_kinds in kinds.values()),
            "baddebt": sum(bad_debt, Decimal(0)),
        } | {f"cancel_line_matching.{name}": rows for name, rows in self._match_cancellations().items()}

    def _match_cancellations(self) -> dict[str, int]:
        """Count cancellation lines by how they match earlier sales; a match consumes the newest line that fits."""
        counts = dict.fromkeys(MATCH_KINDS, 0)
        bought: dict[tuple[str, str], list[tuple[Decimal, list[int]]]] = defaultdict(list)
        for row in self.rows:
            lines, price, quantity = bought[row[6], row[1]], Decimal(row[5]), int(row[3])
            if row_kind(row) == "sale":
                lines.append((price, [quantity]))
            elif row_kind(row) == "cancel":
                counts[_match_kind(lines, price, -quantity) if row[6] else MATCH_KINDS[0]] += 1
        return counts


def _match_kind(lines: list[tuple[Decimal, list[int]]], price: Decimal, quantity: int) -> str:
    if not lines:
        return MATCH_KINDS[1]
    for paid, left in reversed(lines):
        if paid == price and left[0] >= quantity:
            left[0] -= quantity
            return MATCH_KINDS[2]
    return MATCH_KINDS[3] if sum(left[0] for _, left in lines) < quantity else MATCH_KINDS[4]


def row_kind(row: Cells) -> str:
    """The kind of a row as the control totals define it: sale, cancel, adjust or baddebt."""
    if row[0].isdigit():
        return "sale" if int(row[3]) > 0 else "adjust"
    return "cancel" if row[0].startswith("C") else "baddebt"


def _read_rows(path: Path) -> Iterator[Cells]:
    open_file = gzip.open if path.suffix == ".gz" else open
    with open_file(path, "rt", encoding="utf-8", newline="") as file:
        reader = csv.reader(file)
        next(reader, None)
        for row in reader:
            if len(row) != 8:
                raise ValueError(f"line {reader.line_num} has {len(row)} columns instead of 8")
            yield tuple(row)
