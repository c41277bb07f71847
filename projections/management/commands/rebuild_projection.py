"""manage.py rebuild_projection NAME: fold all events anew beside the live rows, then swap."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from eventshop.core.errors import EventShopError
from eventshop.log.source import event_log
from eventshop.ops.terminal import console
from projections.engine import rebuild
from projections.engine.projection import catalogue


class Command(BaseCommand):
    help = "Rebuild one read model from all events, without downtime. A rebuild that was killed goes on."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", metavar="NAME", help="The projection; see projections_status.")
        parser.add_argument("--reason", default="", help="Why, for the record.")

    def handle(self, *args: Any, name: str, reason: str, **options: Any) -> None:
        bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[pace]}"),
            TimeRemainingColumn(),
            console=console(self),
        )
        try:
            projection = catalogue.get(name)
            with bar:
                task = bar.add_task(name, total=None, pace="")

                def told(at: rebuild.Progress) -> None:
                    pace = f"{at.events / at.seconds:,.0f} events/s" if at.seconds else ""
                    bar.update(task, completed=at.position, total=at.head, pace=pace)

                job = rebuild.rebuild(projection, event_log(), requested_by="command line", reason=reason, told=told)
        except EventShopError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(
            f"{name} rebuilt: {job.added} rows added, {job.changed} changed, {job.removed} removed; "
            f"up to position {job.position}."
        )
