"""From rows to executions: what one taker's order was filled in one sweep through the book."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

from trading.domain.events import MAX_FILLS
from trading.importers.market_trades.parsing import Row

#: Rows of one instrument, side and millisecond that follow each other in that instrument.
Execution: TypeAlias = list[Row]


def group_executions(rows: Iterable[Row]) -> list[Execution]:
    """In order of their first rows. Times are kept as they are, also where the file is not in their order."""
    found: list[Execution] = []
    newest: dict[str, Execution] = {}
    for row in rows:
        running = newest.get(row.instrument.code)
        if running is not None and _continues(running, row):
            running.append(row)
        else:
            newest[row.instrument.code] = [row]
            found.append(newest[row.instrument.code])
    return found


def _continues(running: Execution, row: Row) -> bool:
    last = running[-1]
    return last.fill.at == row.fill.at and last.side is row.side and len(running) < MAX_FILLS
