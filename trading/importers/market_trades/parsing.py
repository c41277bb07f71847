"""Parses the cells of a line into a typed row, or refuses them with the reason."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Final

from msgspec import Struct

from eventshop.cli.importing.csv_rows import quote_cell
from eventshop.cli.importing.errors import BrokenRow
from eventshop.cli.importing.file_format import FileLayout
from trading.application.instruments import find_listing
from trading.domain.commands import check_lot, check_tick
from trading.domain.events import Fill, Side
from trading.domain.instruments import Listing

LAYOUT: Final = FileLayout(
    columns=(
        "received_ns",
        "market",
        "symbol",
        "trade_id",
        "traded_at_ms",
        "event_at_ms",
        "price",
        "quantity",
        "taker_side",
    ),
    decimals=("price", "quantity"),
)
HEADER: Final = ",".join(LAYOUT.columns)

_NUMBER_PATTERN: Final = re.compile(r"[0-9]{1,19}")
_DECIMAL_PATTERN: Final = re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,12})?")
_MILLISECONDS_PATTERN: Final = re.compile(r"[0-9]{1,14}")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Row(Struct, frozen=True, gc=False, array_like=True):
    """One line of the file: a fill of one taker order at one price."""

    line: int
    code: str  # of the instrument
    side: Side
    fill: Fill
    number: int  # the fill's, of the venue
    is_other_side: bool = False  # of a trade that is in the file from both sides: not the first of the two

    @property
    def at(self) -> datetime:
        return self.fill.at


def parse_row(line: int, cells: list[str], listings: Mapping[str, Listing]) -> Row:
    """Raises `InvalidMessage`, also for an instrument that is not in the table or not active at the time."""
    _, market, symbol, trade_id, traded_at, _, price, quantity, side = cells
    listing = find_listing(f"{market}/{symbol}", listings)
    instrument = listing.instrument
    fill = Fill(
        _parse_number("trade_id", trade_id),
        _parse_decimal("price", price),
        _parse_decimal("quantity", quantity),
        parse_milliseconds(traded_at),
    )
    listing.check_active(fill.at)
    check_tick(instrument, fill.price)
    check_lot(instrument, fill.quantity)
    return Row(line, instrument.code, _parse_side(side), fill, int(trade_id))


def _parse_number(column: str, cell: str) -> str:
    if not _NUMBER_PATTERN.fullmatch(cell):
        raise BrokenRow(f"{column} {quote_cell(cell)} is not a number of at most 19 digits")
    return cell


@lru_cache(maxsize=10_000)
def _parse_decimal(column: str, cell: str) -> Decimal:
    if not _DECIMAL_PATTERN.fullmatch(cell):
        raise BrokenRow(f"{column} {quote_cell(cell)} is not a number like 61837.63000000")
    return Decimal(cell)


@lru_cache(maxsize=1_000)
def parse_milliseconds(cell: str) -> datetime:
    """Unix milliseconds, without rounding."""
    if not _MILLISECONDS_PATTERN.fullmatch(cell):
        raise BrokenRow(f"traded_at_ms {quote_cell(cell)} is not a number of milliseconds")
    return _EPOCH + timedelta(milliseconds=int(cell))


def _parse_side(cell: str) -> Side:
    try:
        return Side(cell)
    except ValueError:
        raise BrokenRow(f"taker_side {quote_cell(cell)} is neither BUY nor SELL") from None
