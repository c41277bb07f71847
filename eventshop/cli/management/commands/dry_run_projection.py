"""manage.py dry_run_projection NAME: what would today's code make of the events that the rows were made of?"""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from rich.table import Table

from eventshop.cli.kafka_commands import said_clearly
from eventshop.cli.progress_bar import progress
from eventshop.cli.rich_output import console
from eventshop.eventstore.tail_reader import newest_position
from eventshop.messaging.event_log_factory import event_log
from eventshop.projections.historical_queries import DryRun, dry_run
from eventshop.projections.projection import catalogue


class Command(BaseCommand):
    help = "Fold all events anew in memory and say which rows would differ, with examples. Nothing is written."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", metavar="NAME", help="The projection; see projections_status.")

    def handle(self, *args: Any, name: str, **options: Any) -> None:
        with said_clearly("Nothing was changed."):
            projection = catalogue.get(name)
            with progress(self, name, newest_position()) as told:
                found = dry_run(projection, told=told, one_partition=len(event_log().partitions) == 1)
        self._say(found)

    def _say(self, found: DryRun) -> None:
        if found.examples:
            table = Table("row", "column", "as it is", "as it would be")
            for example in found.examples:
                for column, (now, then) in example.columns.items():
                    table.add_row(example.key, column, str(now), str(then))
            console(self).print(table)
        if found.failed:
            self.stdout.write(f"{found.failed:,} events would be parked; the first: {found.first_failure}")
        self.stdout.write(
            f"{found.events:,} events, {found.rows:,} rows: {found.added:,} would be added, {found.changed:,} changed, "
            f"{found.removed:,} removed."
        )
