"""Threads hosted by a Celery worker as one of its boot steps, so that a lost broker does not stop them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from celery import bootsteps
from celery.signals import worker_shutting_down

from eventshop.runtime.supervised_threads import ThreadTarget
from eventshop.runtime.thread_group import ThreadGroup


class WorkerThreadsStep(bootsteps.StartStopStep):
    """A boot step that starts threads with the worker, supervises them, and stops them with it."""

    requires = ("celery.worker.components:Pool",)

    def __init__(self, worker: Any, **options: Any) -> None:
        super().__init__(worker, **options)
        self.group = ThreadGroup([])

    def thread_targets(self) -> Iterable[ThreadTarget]:
        """The name and the function of each thread. The function returns soon after its signal is set."""
        raise NotImplementedError

    def create(self, worker: Any) -> None:
        """Find the targets before any step starts: an error here ends the worker while no thread runs."""
        self.group = ThreadGroup(self.thread_targets())

    def start(self, worker: Any) -> None:
        self.group.start()
        # Celery may wait seconds for its broker before it closes its steps, so close on the signal as well.
        worker_shutting_down.connect(lambda **_: self.close(worker), weak=False)

    def close(self, worker: Any) -> None:
        self.group.request_stop()

    def stop(self, worker: Any) -> None:
        self.close(worker)
        self.group.join()

    def terminate(self, worker: Any) -> None:
        self.close(worker)
