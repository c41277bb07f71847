"""manage.py run_sagas [--once]: run sagas, their effects and timers until stopped, or until nothing is left to do."""

from __future__ import annotations

import signal
from argparse import ArgumentParser
from threading import Event as Signal
from threading import Thread
from time import monotonic
from typing import Any

from django.core.management.base import BaseCommand

from eventshop.messaging.event_log_factory import create_event_log
from eventshop.runtime.process_name import process_name
from eventshop.sagas import workers


class Command(BaseCommand):
    help = "Run sagas, their effects and timers without Celery, in any number of processes."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--once", action="store_true", help="Process everything there is now, and exit.")

    def handle(self, *args: Any, once: bool, **options: Any) -> None:
        if once:
            started = monotonic()
            processed = workers.run_until_idle(process_name(), create_event_log())
            self.stdout.write(
                f"Sagas processed {processed} messages in {monotonic() - started:.1f} s; nothing is left to do."
            )
            return
        stop = Signal()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stop.set())
        targets = workers.threads(process_name(), create_event_log())
        threads = [Thread(target=run, args=[stop], name=name) for name, run in targets]
        for thread in threads:
            thread.start()
        self.stdout.write("Running sagas and timers; Ctrl-C stops after the current batch.")
        for thread in threads:
            thread.join()
        self.stdout.write("Stopped.")
