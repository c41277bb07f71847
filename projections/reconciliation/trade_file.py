"""What a file of public trades itself says: a second, independent reading, for the totals no read model keeps.

Kept apart from the importer on purpose: `verify_trades` must not repeat the importer's mistakes.
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

#: All that may be wrong with somebody's file or its numbers.
FAULTS: Final = (OSError, EOFError, zlib.error, ValueError, ArithmeticError, csv.Error, KeyError)


class UnreadableTrades(EventShopError):
    """This file of trades cannot be read."""

    code = "unreadable-trades"


def file_totals(path: Path) -> dict[str, Any]:
    """The totals that follow from the file alone; raises `UnreadableTrades`."""
    opened = gzip.open if path.suffix == ".gz" else open
    try:
        with opened(path, "rt", encoding="utf-8", newline="") as file:
            rows = list(_rows(csv.DictReader(file)))
        return _distinct(rows) | _times(rows) | _quantities(rows)
    except FAULTS as error:
        said = f"there is no column {error}" if isinstance(error, KeyError) else f"{type(error).__name__}: {error}"
        raise UnreadableTrades(f"{path}: {said}", file=str(path)) from error


def _rows(reader: csv.DictReader[str]) -> Iterator[dict[str, str]]:
    for row in reader:
        if None in row or None in row.values():
            raise ValueError(f"line {reader.line_num} has not as many columns as the first")
        yield row


def _distinct(rows: list[dict[str, str]]) -> dict[str, Any]:
    return {
        "distinct_market_symbol_trade_id": len({(row["market"], row["symbol"], row["trade_id"]) for row in rows}),
        "distinct_symbol_trade_id": len({(row["symbol"], row["trade_id"]) for row in rows}),
        "distinct_trade_id_alone": len({row["trade_id"] for row in rows}),
    }


def _times(rows: list[dict[str, str]]) -> dict[str, Any]:
    latest, latest_of, out_of_order, within_stream = 0, dict[tuple[str, str], int](), 0, 0
    at_once = Counter[tuple[str, str, str]]()
    for row in rows:
        stream, at = (row["market"], row["symbol"]), int(row["traded_at_ms"])
        out_of_order += at < latest
        within_stream += at < latest_of.get(stream, 0)
        latest, latest_of[stream] = max(latest, at), max(latest_of.get(stream, 0), at)
        at_once[(*stream, row["traded_at_ms"])] += 1
    return {
        "rows_traded_at_earlier_than_a_previous_row_same_stream": within_stream,
        "rows_traded_at_earlier_than_a_previous_row_any_stream": out_of_order,
        "received_before_exchange_event_time": sum(
            int(row["received_ns"]) < int(row["event_at_ms"]) * 1_000_000 for row in rows
        ),
        "first_traded_at_ms": min((int(row["traded_at_ms"]) for row in rows), default=0),
        "last_traded_at_ms": latest,
        "same_stream_same_ms_max": max(at_once.values(), default=0),
    }


def _quantities(rows: list[dict[str, str]]) -> dict[str, Any]:
    quantities = [Decimal(row["quantity"]) for row in rows]
    return {"dust_quantity_min": min(quantities, default=None), "quantity_max": max(quantities, default=None)}
