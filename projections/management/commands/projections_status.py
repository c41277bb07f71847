"""manage.py projections_status: how far each projection is behind the log."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand
from rich.table import Table

from eventshop.log.source import event_log
from eventshop.ops.terminal import console
from projections.engine.projection import catalogue
from projections.engine.status import statuses


class Command(BaseCommand):
    help = "Position, head, lag and parked events of each projection, the worst first."

    def handle(self, *args: Any, **options: Any) -> None:
        table = Table()
        for heading in ("projection", "state"):
            table.add_column(heading, no_wrap=True)
        for heading in ("position", "head", "behind", "seconds", "parked"):
            table.add_column(heading, justify="right", no_wrap=True)
        table.add_column("worker")
        for status in statuses(catalogue.chosen([]), event_log()):
            table.add_row(
                status.name,
                status.state,
                *(f"{number:,}" for number in (status.position, status.head, status.behind)),
                f"{status.behind_s:.1f}",
                f"{status.parked:,}",
                status.owner or "none",
            )
        console(self).print(table)
