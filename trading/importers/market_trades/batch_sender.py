"""Sends import commands in batches of one transaction each. After a crash the next run sends the remaining ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, TypeAlias

from msgspec import Struct

from eventshop.core.errors import CommandIdReused, EventShopError
from eventshop.eventstore.command_dispatcher import Outcome, send_many
from eventshop.eventstore.command_receipts import Receipt
from trading.domain.commands import ExecuteTrade
from trading.importers.market_trades.commands import ExecutionCommand
from trading.importers.market_trades.parsing import RefusedRow

#: A batch is one transaction: large enough to be fast, small enough to fit into memory and to stop soon.
MAX_BATCH_COMMANDS: Final = 400
MAX_BATCH_ROWS: Final = 4_000

ImportBatch: TypeAlias = list[tuple[ExecutionCommand, Outcome]]


def send_batches(execution_commands: Iterable[Sequence[ExecutionCommand]]) -> Iterator[ImportBatch]:
    """Send batch after batch. A batch that was yielded is stored. Raises what `send_many` raises."""
    for batch in _split_into_batches(execution_commands):
        outcomes = send_many([(item.command, item.envelope) for item in batch])
        yield list(zip(batch, outcomes, strict=True))


def _split_into_batches(execution_commands: Iterable[Sequence[ExecutionCommand]]) -> Iterator[list[ExecutionCommand]]:
    batch, rows = list[ExecutionCommand](), 0
    for commands in execution_commands:
        new_rows = len(commands[0].rows)
        if batch and (len(batch) + len(commands) > MAX_BATCH_COMMANDS or rows + new_rows > MAX_BATCH_ROWS):
            yield batch
            batch, rows = [], 0
        batch += commands
        rows += new_rows
    if batch:
        yield batch


class TradeTally(Struct):
    """Progress of an import. Counts what this run stored; `already_there` counts commands that were stored before."""

    rows: int = 0  # stored by this run or an earlier one
    executions: int = 0
    fills: int = 0
    events: int = 0
    already_there: int = 0

    @property
    def done(self) -> int:
        return self.rows

    def add(self, batch: ImportBatch) -> list[RefusedRow]:
        """Count a batch; returns the rows whose commands were refused."""
        refused: dict[int, list[RefusedRow]] = {}
        for item, outcome in batch:
            if isinstance(outcome, Receipt):
                self._count(item, outcome)
            else:
                refused.setdefault(item.rows[0].line, _refused_rows(item, outcome))
        return [row for rows in refused.values() for row in rows]

    def _count(self, item: ExecutionCommand, receipt: Receipt) -> None:
        is_execution = isinstance(item.command, ExecuteTrade)
        self.rows += len(item.rows) if is_execution else 0
        if receipt.replayed:
            self.already_there += 1
            return
        self.events += receipt.events
        if is_execution:
            self.executions += 1
            self.fills += len(item.rows)


def _refused_rows(item: ExecutionCommand, error: EventShopError) -> list[RefusedRow]:
    number = item.rows[0].fill.venue_trade_id
    reason = f"execution {number}: {error}"
    if isinstance(error, CommandIdReused):
        reason = f"execution {number} was imported before with other contents; what is stored stays"
    return [RefusedRow(row.line, reason) for row in item.rows]
