"""manage.py run_periodic_job NAME: make a periodic job due now."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from eventshop.core.errors import EventShopError
from eventshop.operations import periodic_jobs
from eventshop.operations.staff_actors import command_line_actor


class Command(BaseCommand):
    help = "Make a periodic job due now: the beat has a worker run it within ten seconds. The operator log records it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", metavar="NAME", help="The job; *Periodic jobs* in the console lists them.")

    def handle(self, *args: Any, name: str, **options: Any) -> None:
        try:
            periodic_jobs.request_run(name, actor=command_line_actor())
        except EventShopError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{name} is due now.")
