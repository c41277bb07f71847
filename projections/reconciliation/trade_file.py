"""Totals of a file of public trades that no read model keeps, from a second, independent parser.

It shares no code with the importer on purpose: `verify_trades` must not repeat the importer's mistakes.
"""

from __future__ import annotations

import csv
import gzip
import zlib
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from eventshop.core.errors import EventShopError

#: Errors that an unreadable file or an invalid number raises.
READ_ERRORS: Final = (OSError, EOFError, zlib.error, ValueError, ArithmeticError, csv.Error, KeyError)


class UnreadableTrades(EventShopError):
    """This file of trades cannot be read."""

    code = "unreadable-trades"


def file_totals(path: Path) -> dict[str, Any]:
    """The totals computed from the file alone; raises `UnreadableTrades`."""
    open_file = gzip.open if path.suffix == ".gz" else open
    try:
        with open_file(path, "rt", encoding="utf-8", newline="") as file:
            rows = list(_read_rows(csv.DictReader(file)))
        return _distinct_totals(rows) | _time_totals(rows) | _quantity_totals(rows)
    except READ_ERRORS as error:
        cause = f"there is no column {error}" if isinstance(error, KeyError) else f"{type(error).__name__}: {error}"
        raise UnreadableTrades(f"{path}: {cause}", file=str(path)) from error


def _read_rows(reader: csv.DictReader[str]) -> Iterator[dict[str, str]]:
    for row in reader:
        if None in row or None in row.values():
            raise ValueError(f"line {reader.line_num} does not have as many columns as the header")
        yield row


def _distinct_totals(rows: list[dict[str, str]]) -> dict[str, Any]:
    return {
        "distinct_market_symbol_trade_id": len({(row["market"], row["symbol"], row["trade_id"]) for row in rows}),
        "distinct_symbol_trade_id": len({(row["symbol"], row["trade_id"]) for row in rows}),
        "distinct_trade_id_alone": len({row["trade_id"] for row in rows}),
    }


def _time_totals(rows: list[dict[str, str]]) -> dict[str, Any]:
    latest, latest_of, out_of_order, out_of_order_in_stream = 0, dict[tuple[str, str], int](), 0, 0
    trades_per_ms = Counter[tuple[str, str, str]]()
    for row in rows:
        stream, traded_at_ms = (row["market"], row["symbol"]), int(row["traded_at_ms"])
        out_of_order += traded_at_ms < latest
        out_of_order_in_stream += traded_at_ms < latest_of.get(stream, 0)
        latest, latest_of[stream] = max(latest, traded_at_ms), max(latest_of.get(stream, 0), traded_at_ms)
        trades_per_ms[(*stream, row["traded_at_ms"])] += 1
    return {
        "rows_traded_at_earlier_than_a_previous_row_same_stream": out_of_order_in_stream,
        "rows_traded_at_earlier_than_a_previous_row_any_stream": out_of_order,
        "received_before_exchange_event_time": sum(
            int(row["received_ns"]) < int(row["event_at_ms"]) * 1_000_000 for row in rows
        ),
        "first_traded_at_ms": min((int(row["traded_at_ms"]) for row in rows), default=0),
        "last_traded_at_ms": latest,
        "same_stream_same_ms_max": max(trades_per_ms.values(), default=0),
    }


def _quantity_totals(rows: list[dict[str, str]]) -> dict[str, Any]:
    quantities = [Decimal(row["quantity"]) for row in rows]
    return {"dust_quantity_min": min(quantities, default=None), "quantity_max": max(quantities, default=None)}
