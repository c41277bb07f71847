"""Runs worker threads in a management command until it is told to stop."""

from __future__ import annotations

import signal
from collections.abc import Iterable
from threading import Event as Signal
from typing import Final

from eventshop.runtime import process_heartbeat, wake_signals
from eventshop.runtime.supervised_threads import ThreadTarget, start_threads

#: How long the end waits for the last heartbeat.
STOP_TIMEOUT_S: Final = 8.0


def run_threads(targets: Iterable[ThreadTarget]) -> None:
    """Run named functions in supervised threads until SIGINT or SIGTERM; each returns soon after its signal is set."""
    stop = Signal()

    def stop_threads(*_: object) -> None:
        stop.set()
        wake_signals.wake_all()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop_threads)
    wake_signals.start_listening()
    threads = start_threads(targets, stop)
    process_heartbeat.report(threads)
    for thread in threads:
        thread.join()
    process_heartbeat.withdraw(threads, STOP_TIMEOUT_S)
