"""manage.py dry_run_projection NAME: which rows would a rebuild with the current code change?"""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from rich.table import Table

from eventshop.cli.kafka_commands import report_errors
from eventshop.cli.progress_bar import show_progress
from eventshop.cli.rich_output import create_console
from eventshop.eventstore.tail_reader import newest_position
from eventshop.messaging.event_log_factory import create_event_log
from eventshop.operations.access_log.logged_command import LoggedCommand
from eventshop.operations.models import AccessRecord
from eventshop.projections.historical_queries import DryRun, dry_run
from eventshop.projections.projection import projection_registry


class Command(LoggedCommand):
    access = AccessRecord.Kind.STATE
    help = "Fold all events again in memory and print which rows would differ, with examples. Writes nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", metavar="NAME", help="The projection; see projections_status.")

    def handle(self, *args: Any, name: str, **options: Any) -> None:
        with report_errors("Nothing was changed."):
            projection = projection_registry.get(name)
            with show_progress(self, name, newest_position()) as report_progress:
                result = dry_run(
                    projection, on_progress=report_progress, one_partition=len(create_event_log().partitions) == 1
                )
        self._print_result(result)

    def _print_result(self, result: DryRun) -> None:
        if result.examples:
            table = Table("row", "column", "live", "dry run")
            for example in result.examples:
                for column, (live_value, new_value) in example.columns.items():
                    table.add_row(example.key, column, str(live_value), str(new_value))
            create_console(self).print(table)
        if result.failed:
            self.stdout.write(f"{result.failed:,} events would become dead letters; the first: {result.first_failure}")
        self.stdout.write(
            f"{result.events:,} events, {result.rows:,} rows: {result.added:,} would be added, "
            f"{result.changed:,} changed, {result.removed:,} removed."
        )
