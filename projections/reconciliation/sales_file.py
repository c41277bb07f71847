"""The rows of an Online Retail file, from a second, independent parser.

What is found out of the file's format is shared with the importer, as `docs/importing.md` describes it. What the rows
mean is not, on purpose: `verify_sales` must not repeat the importer's mistakes.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple

from eventshop.cli.importing.csv_rows import read_lines
from eventshop.cli.importing.file_format import FileFormat, FileLayout, FormatOptions, parse_time
from eventshop.cli.importing.format_detection import find_format
from eventshop.core.errors import EventShopError

LAYOUT: Final = FileLayout(
    columns=("InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country"),
    aliases={"invoice": "InvoiceNo", "price": "UnitPrice"},  # of the data set's second edition
    decimals=("UnitPrice", "CustomerID"),
    time="InvoiceDate",
    zone="Europe/London",
)
#: Errors that an unreadable file or an invalid number raises.
READ_ERRORS: Final = (OSError, ValueError, ArithmeticError, EventShopError)


class UnreadableSales(EventShopError):
    """This file of sales cannot be read: it must be a table of text with the columns of the data set."""

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


def read_sales(path: Path, options: FormatOptions = FormatOptions()) -> list[SalesRow]:  # noqa: B008  # frozen
    """All rows of a file; raises `UnreadableSales`."""
    try:
        return list(_parse_rows(path, find_format(path, LAYOUT, options)))
    except READ_ERRORS as error:
        text = str(error)
        raise UnreadableSales(text if str(path) in text else f"{path}: {text}", file=str(path)) from error


def _parse_rows(path: Path, file_format: FileFormat) -> Iterator[SalesRow]:
    for number, line in islice(read_lines(path, file_format.file_encoding), 1, None):
        try:
            cells = file_format.cells(line)
            quantity = int(cells[3])
            cells[4] = parse_time(cells[4], file_format.dates).isoformat(" ")
            amount = Decimal(cells[5]) * quantity
        except READ_ERRORS as error:
            raise ValueError(f"line {number}: {error}") from error
        yield SalesRow(tuple(cells), _row_kind(cells[0], quantity), quantity, amount)


def _row_kind(invoice: str, quantity: int) -> str:
    """The kind of a row as the control totals define it: sale, cancel, adjust or baddebt."""
    if invoice.isdigit():
        return "sale" if quantity > 0 else "adjust"
    return "cancel" if invoice.startswith("C") else "baddebt"
