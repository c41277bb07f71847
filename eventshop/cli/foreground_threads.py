"""Runs worker threads in a management command until it is told to stop."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterable
from threading import Event as Signal
from threading import Thread

from eventshop.runtime import wake_signals


def run_threads(targets: Iterable[tuple[str, Callable[[Signal], None]]]) -> None:
    """Run named functions in threads until SIGINT or SIGTERM; each returns soon after its signal is set."""
    stop = Signal()

    def stop_threads(*_: object) -> None:
        stop.set()
        wake_signals.wake_all()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop_threads)
    wake_signals.start_listening()
    threads = [Thread(target=run, args=[stop], name=name) for name, run in targets]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
