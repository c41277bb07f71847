"""manage.py import_trades FILE [--on-error stop|skip]: trades that a venue made public, through commands."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from eventshop.cli.importing.base_command import ImportCommand
from trading.importers.market_trades.batch_sender import Batch, Tally, sent
from trading.importers.market_trades.commands import letters
from trading.importers.market_trades.executions import group_executions
from trading.importers.market_trades.parsing import Refusal, Row, read_rows


class Command(ImportCommand):
    help = "Import a file of public trades (CSV or .csv.gz). It can be stopped and started again at any time."
    unit = "trades"
    skipped_unit = "it", "such rows"
    create_tally = Tally

    def read_file(self, file: Path) -> tuple[list[Row], list[Refusal]]:
        return read_rows(file)

    def send_batches(self, found: Sequence[Row]) -> Iterator[Batch]:
        return sent(letters(group_executions(found)))

    def format_summary(self, tally: Tally, refused: int, seconds: float) -> str:
        return (
            f"{tally.fills:,} trades imported as {tally.executions:,} executions: {tally.events:,} events written, "
            f"{tally.already_there:,} commands already there, {refused:,} rows refused, {seconds:.1f} s, "
            f"{tally.fills / seconds:,.0f} trades/s."
        )
