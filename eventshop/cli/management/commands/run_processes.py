"""manage.py run_processes [--once]: sagas, their effects and timers, until stopped or until nothing is left to do."""

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
    help = "Run sagas, their effects and timers without Celery; any number of processes may."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--once", action="store_true", help="Do what there is to do now, and exit.")

    def handle(self, *args: Any, once: bool, **options: Any) -> None:
        if once:
            started = monotonic()
            heard = workers.run_until_idle(process_name(), create_event_log())
            self.stdout.write(f"Settled: sagas heard {heard} things in {monotonic() - started:.1f} s.")
            return
        stop = Signal()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stop.set())
        work = workers.threads(process_name(), create_event_log())
        threads = [Thread(target=run, args=[stop], name=name) for name, run in work]
        for thread in threads:
            thread.start()
        self.stdout.write("Running sagas and timers; Ctrl-C stops after the batch in hand.")
        for thread in threads:
            thread.join()
        self.stdout.write("Stopped.")
