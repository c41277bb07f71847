"""manage.py projections_status: how far each projection is behind the log."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from rich.table import Table

from eventshop.cli.rich_output import console
from eventshop.core.errors import EventShopError
from eventshop.messaging.event_log_factory import event_log
from eventshop.projections.projection import catalogue
from eventshop.projections.status import statuses, summed


class Command(BaseCommand):
    help = "Position, head, lag and parked events of each projection, the worst first."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--partitions", action="store_true", help="Each partition on a line of its own.")

    def handle(self, *args: Any, partitions: bool, **options: Any) -> None:
        try:
            found = statuses(catalogue.chosen([]), event_log())
        except EventShopError as error:
            raise CommandError(str(error)) from error
        table = Table()
        for heading in ("projection", "state"):
            table.add_column(heading, no_wrap=True)
        for heading in ("position", "head", "behind", "seconds", "parked"):
            table.add_column(heading, justify="right", no_wrap=True)
        table.add_column("worker")
        for status in found if partitions else summed(found):
            table.add_row(
                f"{status.name}/{status.partition}" if partitions else status.name,
                status.state,
                *(f"{number:,}" for number in (status.position, status.head, status.behind)),
                f"{status.behind_s:.1f}",
                f"{status.parked:,}",
                status.owner or "none",
            )
        console(self).print(table)
