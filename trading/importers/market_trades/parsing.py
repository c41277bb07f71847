"""Parses the file into typed rows; a line that is not valid is reported with its reason."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Final

from msgspec import Struct

from eventshop.cli.importing.csv_rows import parse_cells, quote_cell, read_data_lines
from eventshop.cli.importing.errors import BrokenRow
from eventshop.core.errors import InvalidMessage
from trading.domain.commands import check_lot, check_tick
from trading.domain.events import Fill, Instrument, Side
from trading.domain.instruments import get_instrument

HEADER: Final = "received_ns,market,symbol,trade_id,traded_at_ms,event_at_ms,price,quantity,taker_side"
COLUMNS: Final = HEADER.count(",") + 1

_NUMBER_PATTERN: Final = re.compile(r"[0-9]{1,20}")
_DECIMAL_PATTERN: Final = re.compile(r"[0-9]{1,12}(\.[0-9]{1,12})?")
_MILLISECONDS_PATTERN: Final = re.compile(r"[0-9]{1,14}")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Row(Struct, frozen=True, gc=False):
    """One line of the file: a fill of one taker order at one price."""

    line: int
    instrument: Instrument
    side: Side
    fill: Fill


class RefusedRow(Struct, frozen=True):
    """A line of the file that is not imported, and the reason."""

    line: int
    reason: str


def parse_file(path: Path) -> tuple[list[Row], list[RefusedRow]]:
    """Parse all rows of a CSV or .csv.gz file in their order; raises `UnreadableFile` or `WrongHeader`."""
    rows, refused = list[Row](), list[RefusedRow]()
    seen: dict[tuple[str, str], int] = {}
    for number, line in read_data_lines(path, HEADER):
        try:
            row = _parse_row(number, parse_cells(line))
            first = seen.setdefault((row.instrument.code, row.fill.venue_trade_id), number)
            if first != number:
                raise BrokenRow(f"trade_id {row.fill.venue_trade_id} is already in line {first}")
            rows.append(row)
        except InvalidMessage as error:
            refused.append(RefusedRow(number, str(error)))
    return rows, refused


def _parse_row(line: int, cells: list[str]) -> Row:
    if len(cells) != COLUMNS:
        raise BrokenRow(f"{len(cells)} columns instead of {COLUMNS}")
    _, market, symbol, trade_id, traded_at, _, price, quantity, side = cells
    instrument = get_instrument(f"{market}/{symbol}")
    fill = Fill(
        _parse_number("trade_id", trade_id),
        _parse_decimal("price", price),
        _parse_decimal("quantity", quantity),
        _parse_time(traded_at),
    )
    check_tick(instrument, fill.price)
    check_lot(instrument, fill.quantity)
    return Row(line, instrument, _parse_side(side), fill)


def _parse_number(column: str, cell: str) -> str:
    if not _NUMBER_PATTERN.fullmatch(cell):
        raise BrokenRow(f"{column} {quote_cell(cell)} is not a number of at most 20 digits")
    return cell


@lru_cache(maxsize=10_000)
def _parse_decimal(column: str, cell: str) -> Decimal:
    if not _DECIMAL_PATTERN.fullmatch(cell):
        raise BrokenRow(f"{column} {quote_cell(cell)} is not a number like 61837.63000000")
    return Decimal(cell)


@lru_cache(maxsize=1_000)
def _parse_time(cell: str) -> datetime:
    """Unix milliseconds, without rounding."""
    if not _MILLISECONDS_PATTERN.fullmatch(cell):
        raise BrokenRow(f"traded_at_ms {quote_cell(cell)} is not a number of milliseconds")
    return _EPOCH + timedelta(milliseconds=int(cell))


def _parse_side(cell: str) -> Side:
    try:
        return Side(cell)
    except ValueError:
        raise BrokenRow(f"taker_side {quote_cell(cell)} is neither BUY nor SELL") from None
