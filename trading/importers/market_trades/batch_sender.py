"""Letters to the store, many in one transaction; what a crash leaves out is sent by the next run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, TypeAlias

from msgspec import Struct

from eventshop.core.errors import CommandIdReused, EventShopError
from eventshop.eventstore.command_dispatcher import Outcome, Receipt, send_many
from trading.domain.commands import ExecuteTrade
from trading.importers.market_trades.commands import Letter
from trading.importers.market_trades.parsing import Refusal

#: A batch is one transaction: large enough to be fast, small enough to be held in memory and to stop soon.
COMMANDS: Final = 400
ROWS: Final = 4_000

Batch: TypeAlias = list[tuple[Letter, Outcome]]


def sent(letters: Iterable[Sequence[Letter]]) -> Iterator[Batch]:
    """Send batch after batch; what has been given back is stored. Raises what `send_many` raises."""
    for batch in _batches(letters):
        outcomes = send_many([(letter.command, letter.envelope) for letter in batch])
        yield list(zip(batch, outcomes, strict=True))


def _batches(letters: Iterable[Sequence[Letter]]) -> Iterator[list[Letter]]:
    batch, rows = list[Letter](), 0
    for some in letters:
        if batch and (len(batch) + len(some) > COMMANDS or rows + len(some[0].rows) > ROWS):
            yield batch
            batch, rows = [], 0
        batch += some
        rows += len(some[0].rows)
    if batch:
        yield batch


class Tally(Struct):
    """What an import has done so far. Counts what this run wrote; `already_there` is what an earlier one had."""

    rows: int = 0  # stored now or before
    executions: int = 0
    fills: int = 0
    events: int = 0
    already_there: int = 0

    @property
    def done(self) -> int:
        return self.rows

    def add(self, batch: Batch) -> list[Refusal]:
        """Count a batch, and give the rows whose commands were refused."""
        refused: dict[int, list[Refusal]] = {}
        for letter, outcome in batch:
            if isinstance(outcome, Receipt):
                self._count(letter, outcome)
            else:
                refused.setdefault(letter.rows[0].line, _refusals(letter, outcome))
        return [refusal for rows in refused.values() for refusal in rows]

    def _count(self, letter: Letter, receipt: Receipt) -> None:
        is_execution = isinstance(letter.command, ExecuteTrade)
        self.rows += len(letter.rows) if is_execution else 0
        if receipt.replayed:
            self.already_there += 1
            return
        self.events += receipt.events
        if is_execution:
            self.executions += 1
            self.fills += len(letter.rows)


def _refusals(letter: Letter, error: EventShopError) -> list[Refusal]:
    number = letter.rows[0].fill.venue_trade_id
    reason = f"execution {number}: {error}"
    if isinstance(error, CommandIdReused):
        reason = f"execution {number} was imported before with other contents; what is stored stays"
    return [Refusal(row.line, reason) for row in letter.rows]
