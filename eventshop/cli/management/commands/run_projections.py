"""manage.py run_projections [NAME...] [--once]: fold events into read models until stopped or caught up."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Sequence
from time import monotonic
from typing import Any

from django.core.management.base import CommandError

from eventshop.cli.foreground_threads import run_threads
from eventshop.core.errors import EventShopError
from eventshop.messaging.event_log_factory import create_event_log
from eventshop.projections.projection import Projection, projection_registry
from eventshop.projections.runner import ProjectionRunner
from eventshop.projections.worker import worker_threads
from eventshop.runtime.management_command import ManagementCommand


class Command(ManagementCommand):
    help = "Fold events into read models. Without names: all projections."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("names", nargs="*", metavar="NAME", help="Projections to run; see projections_status.")
        parser.add_argument("--once", action="store_true", help="Catch up and exit.")

    def handle(self, *args: Any, names: list[str], once: bool, **options: Any) -> None:
        try:
            projections = projection_registry.select(names)
            if once:
                self._catch_up(ProjectionRunner(projections, create_event_log()))
            else:
                self._run_until_stopped(projections)
        except EventShopError as error:
            raise CommandError(str(error)) from error

    def _catch_up(self, runner: ProjectionRunner) -> None:
        started = monotonic()
        events = runner.catch_up()
        self.stdout.write(f"Caught up: {events} events folded in {monotonic() - started:.1f} s.")

    def _run_until_stopped(self, projections: Sequence[Projection[Any]]) -> None:
        self.stdout.write("Running projections; Ctrl-C stops after the current batch.")
        run_threads(worker_threads(projections))
        self.stdout.write("Stopped.")
