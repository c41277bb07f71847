"""`manage.py import_trades FILE [--on-error stop|skip]`: import public trades of a venue by sending commands."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from eventshop.cli.importing.base_command import ImportCommand
from trading.importers.market_trades.batch_sender import ImportBatch, TradeTally, send_batches
from trading.importers.market_trades.commands import import_commands
from trading.importers.market_trades.executions import group_executions
from trading.importers.market_trades.parsing import RefusedRow, Row, parse_file


class Command(ImportCommand):
    help = "Import a file of public trades (CSV or .csv.gz). It can be stopped and started again at any time."
    unit = "trades"
    skipped_unit = "it", "such rows"
    create_tally = TradeTally

    def read_file(self, file: Path) -> tuple[list[Row], list[RefusedRow]]:
        return parse_file(file)

    def send_batches(self, units: Sequence[Row]) -> Iterator[ImportBatch]:
        return send_batches(import_commands(group_executions(units)))

    def format_summary(self, tally: TradeTally, refused_count: int, seconds: float) -> str:
        return (
            f"{tally.fills:,} trades imported as {tally.executions:,} executions: {tally.events:,} events written, "
            f"{tally.already_there:,} commands already there, {refused_count:,} rows refused, {seconds:.1f} s, "
            f"{tally.fills / seconds:,.0f} trades/s."
        )
