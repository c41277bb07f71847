"""Parses the file into typed rows. Each line gives a row, or a refusal with its reason."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct

from eventshop.cli.importing.csv_rows import parse_cells, quote_cell, read_data_lines
from eventshop.cli.importing.errors import BrokenRow
from eventshop.core.errors import InvalidMessage
from eventshop.core.messages import Text
from eventshop.core.money import Money
from orders.domain.commands import PRICE_DECIMALS

HEADER: Final = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country"
COLUMNS: Final = HEADER.count(",") + 1
#: Times in the file are in the shop's time zone.
SHOP_TIME_ZONE: Final = ZoneInfo("Europe/London")
CURRENCY: Final = "GBP"
MAX_QUANTITY: Final = 10_000_000

_INVOICE: Final = re.compile(r"C?[0-9]{1,20}")
_BAD_DEBT: Final = re.compile(r"A[0-9]{1,20}")
_WHOLE: Final = re.compile(r"-?[0-9]{1,12}")
_PRICE: Final = re.compile(r"-?[0-9]{1,12}(\.[0-9]+)?")
_DATE_TIME: Final = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", re.ASCII)
_CUSTOMER: Final = re.compile(r"([0-9]{1,20})(?:\.0)?")


class Row(Struct, frozen=True, gc=False):
    """One line of the file. `customer` is empty for an anonymous sale; `quantity` keeps its sign."""

    line: int
    invoice: str
    sku: str
    description: str
    quantity: int
    at: datetime
    price: Money
    customer: str
    country: str


class RefusedRow(Struct, frozen=True):
    """A line of the file that is not imported, and the reason. `invoice` is the content of its first column."""

    line: int
    reason: str
    invoice: str = ""


def parse_file(path: Path) -> tuple[list[Row], list[RefusedRow]]:
    """All rows of a CSV or .csv.gz file, and the lines that are refused. Raises `UnreadableFile` or `WrongHeader`."""
    rows: list[Row] = []
    refused: list[RefusedRow] = []
    for number, line in read_data_lines(path, HEADER):
        cells: list[str] = []
        try:
            cells = parse_cells(line)
            rows.append(_parse_row(number, cells))
        except InvalidMessage as error:
            refused.append(RefusedRow(number, str(error), cells[0] if cells else ""))
    return rows, refused


def _parse_row(line: int, cells: list[str]) -> Row:
    if len(cells) != COLUMNS:
        raise BrokenRow(f"{len(cells)} columns instead of {COLUMNS}")
    invoice, sku, description, quantity, at, price, customer, country = cells
    row = Row(
        line,
        _parse_invoice_number(invoice),
        _parse_text("StockCode", sku),
        _parse_text("Description", description),
        _parse_quantity(quantity),
        _parse_date(at),
        _parse_price(price),
        _parse_customer(customer),
        _parse_text("Country", country),
    )
    _check_row(row)
    return row


def _check_row(row: Row) -> None:
    """Refuse combinations of columns that are invalid although each column is valid."""
    cancelled = row.invoice.startswith("C")
    if not row.sku:
        raise BrokenRow("StockCode is empty")
    if row.quantity == 0:
        raise BrokenRow("Quantity is 0")
    if row.price.amount < 0:
        raise BrokenRow(f"UnitPrice {row.price.amount} is negative")
    if cancelled and row.quantity > 0:
        raise BrokenRow(f"Quantity {row.quantity} of a cancellation is not negative")
    if not cancelled and row.quantity < 0 and row.price.amount:
        raise BrokenRow(f"a write-off must not have a UnitPrice, but has {row.price.amount}")


def _parse_invoice_number(cell: str) -> str:
    if _INVOICE.fullmatch(cell):
        return cell
    if _BAD_DEBT.fullmatch(cell):
        raise BrokenRow(f"InvoiceNo {cell} adjusts a bad debt, which is not a sale of goods and is not imported")
    raise BrokenRow(f"InvoiceNo {quote_cell(cell)} is not digits, or C and digits")


@lru_cache(maxsize=10_000)
def _parse_text(column: str, cell: str) -> str:
    try:
        return msgspec.convert(cell, Text)
    except msgspec.ValidationError:
        fault = "is longer than 200 characters" if len(cell) > 200 else "contains a control character"
        raise BrokenRow(f"{column} {quote_cell(cell)} {fault}") from None


def _parse_quantity(cell: str) -> int:
    if not _WHOLE.fullmatch(cell):
        raise BrokenRow(f"Quantity {quote_cell(cell)} is not a whole number")
    if abs(quantity := int(cell)) > MAX_QUANTITY:
        raise BrokenRow(f"Quantity {quantity} is more than {MAX_QUANTITY}")
    return quantity


@lru_cache(maxsize=10_000)
def _parse_date(cell: str) -> datetime:
    try:
        if _DATE_TIME.fullmatch(cell):
            return datetime.fromisoformat(cell).replace(tzinfo=SHOP_TIME_ZONE).astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise BrokenRow(f"InvoiceDate {quote_cell(cell)} is not a time like 2010-12-01 08:26:00")


@lru_cache(maxsize=10_000)
def _parse_price(cell: str) -> Money:
    if not _PRICE.fullmatch(cell):
        raise BrokenRow(f"UnitPrice {quote_cell(cell)} is not an amount like 2.55")
    if len(cell.partition(".")[2]) > PRICE_DECIMALS:
        raise BrokenRow(f"UnitPrice {cell} has more than {PRICE_DECIMALS} decimals")
    return Money(+Decimal(cell), CURRENCY)  # plus: "-0.0" is zero


def _parse_customer(cell: str) -> str:
    """`17850.0` is customer 17850."""
    if not cell:
        return ""
    if not (match := _CUSTOMER.fullmatch(cell)):
        raise BrokenRow(f"CustomerID {quote_cell(cell)} is not a number like 17850.0")
    return match[1]
