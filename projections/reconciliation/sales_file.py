"""The rows of an Online Retail file, from a second, independent parser.

It shares no code with the importer on purpose: `verify_sales` must not repeat the importer's mistakes.
"""

from __future__ import annotations

import csv
import gzip
import zlib
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Final, NamedTuple

from eventshop.core.errors import EventShopError

HEADER: Final = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country"
COLUMNS: Final = HEADER.count(",") + 1
#: Errors that an unreadable file or an invalid number raises.
READ_ERRORS: Final = (OSError, EOFError, zlib.error, ValueError, ArithmeticError, csv.Error)


class UnreadableSales(EventShopError):
    """This file of sales cannot be read: it must be CSV or .csv.gz in UTF-8, with the columns of the data set."""

    code = "unreadable-sales"


class SalesRow(NamedTuple):
    """One row. `customer` has no decimal part (the file writes `17850.0`) and is empty for an anonymous sale."""

    cells: tuple[str, ...]
    kind: str
    quantity: int
    amount: Decimal

    @property
    def invoice(self) -> str:
        return self.cells[0]

    @property
    def stock_code(self) -> str:
        return self.cells[1]

    @property
    def at(self) -> str:
        return self.cells[4]

    @property
    def customer(self) -> str:
        return self.cells[6].partition(".")[0]

    @property
    def country(self) -> str:
        return self.cells[7]


def read_sales(path: Path) -> list[SalesRow]:
    """All rows of a file; raises `UnreadableSales`."""
    open_file = gzip.open if path.suffix == ".gz" else open
    try:
        with open_file(path, "rt", encoding="utf-8", newline="") as file:
            return list(_parse_rows(file))
    except READ_ERRORS as error:
        raise UnreadableSales(f"{path}: {error}", file=str(path)) from error


def _parse_rows(lines: Iterator[str]) -> Iterator[SalesRow]:
    reader = csv.reader(lines)
    header = ",".join(next(reader, ()))
    if header != HEADER:
        raise ValueError(f"the first line is {header[:100]!r} instead of {HEADER!r}")
    for cells in reader:
        if len(cells) != COLUMNS:
            raise ValueError(f"line {reader.line_num} has {len(cells)} columns instead of {COLUMNS}")
        quantity = int(cells[3])
        yield SalesRow(tuple(cells), _row_kind(cells[0], quantity), quantity, Decimal(cells[5]) * quantity)


def _row_kind(invoice: str, quantity: int) -> str:
    """The kind of a row as the control totals define it: sale, cancel, adjust or baddebt."""
    if invoice.isdigit():
        return "sale" if quantity > 0 else "adjust"
    return "cancel" if invoice.startswith("C") else "baddebt"
