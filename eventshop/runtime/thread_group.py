"""The supervised threads of a process: started together, reported by its heartbeat, woken when they are to stop."""

from __future__ import annotations

from collections.abc import Iterable
from threading import Event as Signal
from typing import Final

from eventshop.runtime import process_heartbeat, wake_signals
from eventshop.runtime.metrics_server import serve_metrics
from eventshop.runtime.supervised_threads import SupervisedThread, ThreadTarget, start_threads

#: How long the end of a process waits for a thread, and for its last heartbeat, in seconds. Less than the time that
#: orchestrators allow between SIGTERM and SIGKILL.
STOP_TIMEOUT_S: Final = 8.0


class ThreadGroup:
    """Runs named functions in supervised threads; each returns soon after its signal is set."""

    def __init__(self, targets: Iterable[ThreadTarget]) -> None:
        self.targets = list(targets)
        self.threads: list[SupervisedThread] = []
        self._stop = Signal()

    def start(self) -> None:
        wake_signals.start_listening()
        serve_metrics()
        self.threads = start_threads(self.targets, self._stop)
        process_heartbeat.report(self.threads)

    def request_stop(self, *_: object) -> None:
        """Make the threads end, also from a signal handler."""
        self._stop.set()
        wake_signals.wake_all()

    def join(self, timeout_s: float | None = STOP_TIMEOUT_S) -> None:
        """Wait until every thread has ended, each at most `timeout_s`, and report them no more."""
        for thread in self.threads:
            thread.join(timeout_s)
        process_heartbeat.withdraw(self.threads, STOP_TIMEOUT_S)
