"""manage.py run_sagas [--once]: run sagas, their effects and timers until stopped, or until nothing is left to do."""

from __future__ import annotations

from argparse import ArgumentParser
from time import monotonic
from typing import Any

from eventshop.cli.foreground_threads import run_threads
from eventshop.runtime.management_command import ManagementCommand
from eventshop.runtime.process_name import process_name
from eventshop.sagas import live_points, workers


class Command(ManagementCommand):
    help = "Run sagas, their effects and timers without Celery, in any number of processes."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--once", action="store_true", help="Process everything there is now, and exit.")

    def handle(self, *args: Any, once: bool, **options: Any) -> None:
        for line in live_points.describe_muted():
            self.stdout.write(f"{line}.")
        if once:
            started = monotonic()
            processed = workers.run_until_idle(process_name())
            self.stdout.write(
                f"Sagas processed {processed} messages in {monotonic() - started:.1f} s; nothing is left to do."
            )
            return
        self.stdout.write("Running sagas and timers; Ctrl-C stops after the current batch.")
        run_threads(workers.threads(process_name()))
        self.stdout.write("Stopped.")
