"""Cells that several files of trading have."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from eventshop.cli.importing.csv_rows import quote_cell
from eventshop.cli.importing.errors import BrokenRow
from trading.domain.value_objects import check_trading_time


def parse_time(cells: Mapping[str, str], column: str) -> datetime:
    """The moment of a cell, which needs its zone. Raises `BrokenRow` or `InvalidMessage`."""
    cell = cells[column]
    try:
        moment = datetime.fromisoformat(cell)
    except ValueError:
        raise BrokenRow(f"{column} {quote_cell(cell)} is not a time such as 2026-11-30T15:00:00Z") from None
    if moment.tzinfo is None:
        raise BrokenRow(f"{column} {quote_cell(cell)} has no zone, such as Z or +01:00 behind it")
    check_trading_time(column, moment)
    return moment
