"""Groups rows into executions: the fills of one taker order in one sweep through the order book."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

from trading.domain.events import MAX_FILLS
from trading.importers.market_trades.parsing import Row

#: Consecutive rows of one instrument with the same side and millisecond.
Execution: TypeAlias = list[Row]


def group_executions(rows: Iterable[Row]) -> list[Execution]:
    """Group rows into executions, ordered by their first rows. The file need not be in order of time."""
    executions: list[Execution] = []
    newest: dict[str, Execution] = {}
    for row in rows:
        execution = newest.get(row.instrument.code)
        if execution is not None and _continues(execution, row):
            execution.append(row)
        else:
            newest[row.instrument.code] = [row]
            executions.append(newest[row.instrument.code])
    return executions


def _continues(execution: Execution, row: Row) -> bool:
    last = execution[-1]
    return last.fill.at == row.fill.at and last.side is row.side and len(execution) < MAX_FILLS
