"""From the file to typed rows: every line is either a row or named with the reason why it is not."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Final

from msgspec import Struct

from eventshop.cli.importing.csv_rows import cells_of, rows_of, shown
from eventshop.cli.importing.errors import BrokenRow
from eventshop.core.errors import InvalidMessage
from trading.domain.commands import check_lot, check_tick
from trading.domain.events import Fill, Instrument, Side
from trading.domain.instruments import instrument

HEADER: Final = "received_ns,market,symbol,trade_id,traded_at_ms,event_at_ms,price,quantity,taker_side"
COLUMNS: Final = HEADER.count(",") + 1

_NUMBER: Final = re.compile(r"[0-9]{1,20}")
_DECIMAL: Final = re.compile(r"[0-9]{1,12}(\.[0-9]{1,12})?")
_MILLISECONDS: Final = re.compile(r"[0-9]{1,14}")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Row(Struct, frozen=True, gc=False):
    """One line of the file: what one taker was filled at once, at one price."""

    line: int
    instrument: Instrument
    side: Side
    fill: Fill


class Refusal(Struct, frozen=True):
    """A line of the file that leads to nothing, and why."""

    line: int
    reason: str


def read(path: Path) -> tuple[list[Row], list[Refusal]]:
    """All rows of a CSV or .csv.gz file, in its order; raises `UnreadableFile` or `WrongHeader`."""
    rows, refused = list[Row](), list[Refusal]()
    seen: dict[tuple[str, str], int] = {}
    for number, line in rows_of(path, HEADER):
        try:
            row = _row(number, cells_of(line))
            first = seen.setdefault((row.instrument.code, row.fill.venue_trade_id), number)
            if first != number:
                raise BrokenRow(f"trade_id {row.fill.venue_trade_id} stands in line {first} already")
            rows.append(row)
        except InvalidMessage as error:
            refused.append(Refusal(number, str(error)))
    return rows, refused


def _row(line: int, cells: list[str]) -> Row:
    if len(cells) != COLUMNS:
        raise BrokenRow(f"{len(cells)} columns instead of {COLUMNS}")
    _, market, symbol, trade_id, traded_at, _, price, quantity, side = cells
    traded = instrument(f"{market}/{symbol}")
    fill = Fill(_number("trade_id", trade_id), _decimal("price", price), _decimal("quantity", quantity), _at(traded_at))
    check_tick(traded, fill.price)
    check_lot(traded, fill.quantity)
    return Row(line, traded, _side(side), fill)


def _number(column: str, cell: str) -> str:
    if not _NUMBER.fullmatch(cell):
        raise BrokenRow(f"{column} {shown(cell)} is not a number of at most 20 digits")
    return cell


@lru_cache(maxsize=10_000)
def _decimal(column: str, cell: str) -> Decimal:
    if not _DECIMAL.fullmatch(cell):
        raise BrokenRow(f"{column} {shown(cell)} is not a number like 61837.63000000")
    return Decimal(cell)


@lru_cache(maxsize=1_000)
def _at(cell: str) -> datetime:
    """Unix milliseconds, exactly."""
    if not _MILLISECONDS.fullmatch(cell):
        raise BrokenRow(f"traded_at_ms {shown(cell)} is not a number of milliseconds")
    return _EPOCH + timedelta(milliseconds=int(cell))


def _side(cell: str) -> Side:
    try:
        return Side(cell)
    except ValueError:
        raise BrokenRow(f"taker_side {shown(cell)} is neither BUY nor SELL") from None
