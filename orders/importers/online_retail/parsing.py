"""Parses the cells of a line into a typed row, or refuses them with the reason."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from msgspec import Struct

from eventshop.cli.importing.csv_rows import quote_cell
from eventshop.cli.importing.errors import BrokenRow
from eventshop.cli.importing.file_format import FileFormat, FileLayout, parse_time
from eventshop.core.errors import InvalidMessage
from eventshop.core.human_text import TextRule, clean_text, refuse_email_address
from eventshop.core.money import Money
from orders.domain.commands import PRICE_DECIMALS

#: Times in the file are in the shop's time zone.
SHOP_TIME_ZONE: Final = ZoneInfo("Europe/London")
LAYOUT: Final = FileLayout(
    columns=("InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country"),
    aliases={"invoice": "InvoiceNo", "price": "UnitPrice"},  # of the data set's second edition
    decimals=("UnitPrice", "CustomerID"),
    time="InvoiceDate",
    zone=SHOP_TIME_ZONE.key,
)
HEADER: Final = ",".join(LAYOUT.columns)
CURRENCY: Final = "GBP"
MAX_QUANTITY: Final = 10_000_000
MAX_TEXT: Final = 200

INVOICE: Final = re.compile(r"C?[0-9]{1,20}")
BAD_DEBT: Final = re.compile(r"A[0-9]{1,20}")
_WHOLE: Final = re.compile(r"-?[0-9]{1,12}")
_PRICE: Final = re.compile(r"-?[0-9]{1,12}(\.[0-9]+)?")
_CUSTOMER: Final = re.compile(r"([0-9]{1,20})(?:\.0)?")


class Row(Struct, frozen=True, gc=False, array_like=True):
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


def parse_row(line: int, cells: list[str], file_format: FileFormat) -> Row:
    """Raises `BrokenRow`."""
    invoice, sku, description, quantity, at, price, customer, country = cells
    row = Row(
        line,
        _parse_invoice_number(invoice),
        _parse_text("StockCode", sku),
        _parse_text("Description", description),
        _parse_quantity(quantity),
        _parse_time(at, file_format.dates),
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
    if INVOICE.fullmatch(cell):
        return cell
    if BAD_DEBT.fullmatch(cell):
        raise BrokenRow(f"InvoiceNo {cell} adjusts a bad debt, which is not a sale of goods and is not imported")
    raise BrokenRow(f"InvoiceNo {quote_cell(cell)} is not digits, or C and digits")


@lru_cache(maxsize=10_000)
def _parse_text(column: str, cell: str) -> str:
    if len(cell) > MAX_TEXT:
        raise BrokenRow(f"{column} {quote_cell(cell)} is longer than {MAX_TEXT} characters")
    try:
        text = clean_text(cell, TextRule(verbatim=column == "Description"))
        refuse_email_address(text)
    except InvalidMessage as error:
        raise BrokenRow(f"{column} {quote_cell(cell)} {error}") from None
    return text


def _parse_quantity(cell: str) -> int:
    if not _WHOLE.fullmatch(cell):
        raise BrokenRow(f"Quantity {quote_cell(cell)} is not a whole number")
    if abs(quantity := int(cell)) > MAX_QUANTITY:
        raise BrokenRow(f"Quantity {quantity} is more than {MAX_QUANTITY}")
    return quantity


@lru_cache(maxsize=10_000)
def _parse_time(cell: str, dates: str) -> datetime:
    try:
        return parse_time(cell, dates).replace(tzinfo=SHOP_TIME_ZONE).astimezone(UTC)
    except (ValueError, OverflowError):
        example = datetime(2010, 12, 1, 8, 26).strftime(dates)
        raise BrokenRow(
            f"InvoiceDate {quote_cell(cell)} is not a time like {example}; another format is given with --dates"
        ) from None


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
