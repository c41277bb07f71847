"""Threads hosted by a Celery worker as one of its boot steps, so that a lost broker does not stop them."""

from __future__ import annotations

from collections.abc import Iterable
from threading import Event as Signal
from typing import Any, Final

from celery import bootsteps
from celery.signals import worker_shutting_down

from eventshop.runtime import process_heartbeat, wake_signals
from eventshop.runtime.supervised_threads import SupervisedThread, ThreadTarget, start_threads

#: Less than the time that orchestrators allow between SIGTERM and SIGKILL.
STOP_TIMEOUT_S: Final = 8.0


class WorkerThreadsStep(bootsteps.StartStopStep):
    """A boot step that starts threads with the worker, supervises them, and stops them with it."""

    requires = ("celery.worker.components:Pool",)

    def __init__(self, worker: Any, **options: Any) -> None:
        super().__init__(worker, **options)
        self.stopping = Signal()
        self.targets: list[ThreadTarget] = []
        self.threads: list[SupervisedThread] = []

    def thread_targets(self) -> Iterable[ThreadTarget]:
        """The name and the function of each thread. The function returns soon after its signal is set."""
        raise NotImplementedError

    def create(self, worker: Any) -> None:
        """Find the targets before any step starts: an error here ends the worker while no thread runs."""
        self.targets = list(self.thread_targets())

    def start(self, worker: Any) -> None:
        wake_signals.start_listening()
        self.threads = start_threads(self.targets, self.stopping)
        process_heartbeat.report(self.threads)
        # Celery may wait seconds for its broker before it closes its steps, so close on the signal as well.
        worker_shutting_down.connect(lambda **_: self.close(worker), weak=False)

    def close(self, worker: Any) -> None:
        self.stopping.set()
        wake_signals.wake_all()

    def stop(self, worker: Any) -> None:
        self.close(worker)
        for thread in self.threads:
            thread.join(STOP_TIMEOUT_S)
        process_heartbeat.withdraw(self.threads, STOP_TIMEOUT_S)

    def terminate(self, worker: Any) -> None:
        self.close(worker)
