"""manage.py projections_status: the lag of each projection."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError
from rich.table import Table

from eventshop.cli.rich_output import create_console
from eventshop.core.errors import EventShopError
from eventshop.messaging.event_log_factory import create_event_log
from eventshop.operations.divergence_health import find_store_state
from eventshop.projections.lag import list_statuses, sum_by_projection
from eventshop.projections.projection import projection_registry
from eventshop.runtime.management_command import ManagementCommand


class Command(ManagementCommand):
    help = (
        "Print position, head, lag and dead letters of each projection, the worst first, and whether event table, "
        "Kafka and readers agree."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--partitions", action="store_true", help="Print one line per partition.")

    def handle(self, *args: Any, partitions: bool, **options: Any) -> None:
        try:
            status_list = list_statuses(projection_registry.select([]), create_event_log())
        except EventShopError as error:
            raise CommandError(str(error)) from error
        table = Table()
        for heading in ("projection", "state"):
            table.add_column(heading, no_wrap=True)
        for heading in ("position", "head", "behind", "seconds", "dead letters"):
            table.add_column(heading, justify="right", no_wrap=True)
        table.add_column("worker")
        for status in status_list if partitions else sum_by_projection(status_list):
            table.add_row(
                f"{status.name}/{status.partition}" if partitions else status.name,
                status.state,
                *(f"{number:,}" for number in (status.position, status.head, status.lag)),
                f"{status.lag_s:.1f}",
                f"{status.dead_letters:,}",
                status.owner or "none",
            )
        create_console(self).print(table)
        self.stdout.write(f"Event table, Kafka and readers: {find_store_state()}")
