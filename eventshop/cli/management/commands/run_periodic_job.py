"""manage.py run_periodic_job [NAME]: make a periodic job due now; without a name list them."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from eventshop.core.errors import EventShopError
from eventshop.operations import periodic_jobs
from eventshop.operations.models import PeriodicWork
from eventshop.operations.staff_actors import command_line_actor
from eventshop.runtime.management_command import ManagementCommand


class Command(ManagementCommand):
    help = "Make a periodic job due now: the beat has a worker run it within ten seconds. The operator log records it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", nargs="?", metavar="NAME", help="The job; without it all are listed.")

    def handle(self, *args: Any, name: str | None, **options: Any) -> None:
        if name is None:
            for work in PeriodicWork.objects.order_by("name"):
                state = "failed" if work.failed else "ok"
                self.stdout.write(f"{work.name}: due {work.due_at:%Y-%m-%d %H:%M:%S %Z}, {state}: {work.said}")
            return
        try:
            periodic_jobs.request_run(name, actor=command_line_actor())
        except EventShopError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{name} is due now.")
