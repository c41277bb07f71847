"""Parses a row of reference data into a listing, or refuses it with the reason."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Final

from eventshop.cli.importing.csv_rows import quote_cell
from eventshop.cli.importing.errors import BrokenRow
from eventshop.cli.importing.file_format import FileLayout
from eventshop.core.decimal_text import parse_decimal
from eventshop.core.errors import InvalidMessage
from trading.domain.instruments import COLUMNS, Listing, build_listing, parse_tick_table

#: Columns whose cells must not be empty.
REQUIRED: Final = ("code", "currency", "tick", "lot", "settlement_days", "settlement_calendar", "trading_calendar")
LAYOUT: Final = FileLayout(columns=COLUMNS, decimals=("tick", "lot", "multiplier"))
_YES_NO: Final = {"": False, "no": False, "yes": True}


def parse_listing(cells: Mapping[str, str]) -> Listing:
    """The listing of a row's cells by column. Raises `InvalidMessage`."""
    for column in REQUIRED:
        if not cells.get(column):
            raise BrokenRow(f"{column} is empty")
    currency, multiplier = cells["currency"], _parse_decimal(cells, "multiplier") or Decimal(1)
    inverse, value_currency = _parse_yes_no(cells, "inverse"), cells.get("value_currency") or currency
    return build_listing(
        code=cells["code"],
        currency=currency,
        tick=_parse_decimal(cells, "tick"),
        tick_table=parse_tick_table(cells.get("tick_table", "")),
        lot=_parse_decimal(cells, "lot"),
        multiplier=multiplier,
        inverse=inverse,
        value_currency=value_currency,
        settlement_days=_parse_days(cells["settlement_days"]),
        settlement_calendar=cells["settlement_calendar"],
        trading_calendar=cells["trading_calendar"],
        negative_prices=_parse_yes_no(cells, "negative_prices"),
        active_from=_parse_date(cells, "active_from"),
        active_to=_parse_date(cells, "active_to"),
    )


def _parse_decimal(cells: Mapping[str, str], column: str) -> Decimal | None:
    try:
        return parse_decimal(cell) if (cell := cells.get(column)) else None
    except InvalidMessage as error:
        raise BrokenRow(f"{column}: {error.message}") from None


def _parse_days(cell: str) -> int:
    if not (cell.isascii() and cell.isdigit() and len(cell) <= 2):
        raise BrokenRow(f"settlement_days {quote_cell(cell)} is not a whole number from 0 to 30")
    return int(cell)


def _parse_yes_no(cells: Mapping[str, str], column: str) -> bool:
    cell = cells.get(column, "")
    if cell not in _YES_NO:
        raise BrokenRow(f"{column} {quote_cell(cell)} is neither yes nor no")
    return _YES_NO[cell]


def _parse_date(cells: Mapping[str, str], column: str) -> date | None:
    if not (cell := cells.get(column, "")):
        return None
    try:
        return date.fromisoformat(cell)
    except ValueError:
        raise BrokenRow(f"{column} {quote_cell(cell)} is not a date such as 2026-03-31") from None
