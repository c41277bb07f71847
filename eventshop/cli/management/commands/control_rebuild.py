"""manage.py control_rebuild VERB ID: pause, resume, throttle, cancel, switch or undo a rebuild, or list them."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError
from rich.table import Table

from eventshop.cli.rich_output import create_console
from eventshop.core.errors import EventShopError
from eventshop.operations.rebuild_operations import VERBS, Order, control_rebuild
from eventshop.operations.staff_actors import command_line_actor
from eventshop.projections.models import Rebuild
from eventshop.runtime.management_command import ManagementCommand

#: Rebuilds that are listed.
_LISTED = 20


class Command(ManagementCommand):
    help = "Pause, resume, throttle, cancel, switch or undo a rebuild. `list` prints them. The operator log records it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("verb", choices=["list", *VERBS], metavar="VERB", help=", ".join(["list", *VERBS]))
        parser.add_argument("rebuild", nargs="?", type=int, metavar="ID", help="The number of the rebuild.")
        parser.add_argument("--reason", default="", help="Why; the operator log shows it.")
        parser.add_argument("--events-per-second", type=int, metavar="N", help="With throttle; without it: no limit.")

    def handle(self, *args: Any, verb: str, rebuild: int | None, **options: Any) -> None:
        if verb == "list":
            return self._list()
        job = Rebuild.objects.filter(pk=rebuild or 0).first()
        if job is None:
            raise CommandError(f"no rebuild has the number {rebuild}; `control_rebuild list` prints them")
        try:
            control_rebuild(verb, job, Order(command_line_actor(), options["reason"], options["events_per_second"]))
        except EventShopError as error:
            raise CommandError(str(error)) from error
        job.refresh_from_db()
        done = "a worker undoes it in a moment" if verb == "undo" else job.get_state_display().lower()
        self.stdout.write(f"rebuild {job.pk} of {job.projection}: {done}")

    def _list(self) -> None:
        table = Table("ID", "projection", "state", "progress", "events/s", "added / changed / removed", "reason")
        for job in Rebuild.objects.order_by("-pk")[:_LISTED]:
            table.add_row(
                str(job.pk),
                job.projection,
                job.get_state_display(),
                f"{job.position:,} of {job.head:,}",
                f"{job.rate:,.0f}",
                f"{job.added:,} / {job.changed:,} / {job.removed:,}",
                job.reason,
            )
        create_console(self).print(table)
