"""Work of our own inside a Celery worker: a step of the worker itself, so that a lost broker does not stop it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from threading import Event as Signal
from threading import Thread
from typing import Any, Final

from celery import bootsteps
from celery.signals import worker_shutting_down

#: Below what orchestrators grant between SIGTERM and SIGKILL.
STOP_WITHIN_S: Final = 8.0


class HostedThreads(bootsteps.StartStopStep):
    """A step whose work is done by threads that stop when they are told to."""

    requires = ("celery.worker.components:Pool",)

    def __init__(self, worker: Any, **options: Any) -> None:
        super().__init__(worker, **options)
        self.stopping = Signal()
        self.threads: list[Thread] = []

    def work(self) -> Iterable[tuple[str, Callable[[Signal], None]]]:
        """What each thread is called and does."""
        raise NotImplementedError

    def start(self, worker: Any) -> None:
        self.threads = [Thread(target=run, args=[self.stopping], name=name) for name, run in self.work()]
        for thread in self.threads:
            thread.start()
        # Celery itself may wait seconds for its broker before it closes its steps.
        worker_shutting_down.connect(lambda **_: self.close(worker), weak=False)

    def close(self, worker: Any) -> None:
        self.stopping.set()

    def stop(self, worker: Any) -> None:
        self.close(worker)
        for thread in self.threads:
            thread.join(STOP_WITHIN_S)

    def terminate(self, worker: Any) -> None:
        self.close(worker)
