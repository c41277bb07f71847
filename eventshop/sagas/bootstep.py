"""Run sagas and timers inside a Celery worker. They use no Celery messages: losing the broker loses nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from threading import Event as Signal
from typing import Any

from eventshop.runtime.process_name import process_name
from eventshop.runtime.worker_threads import WorkerThreadsStep
from eventshop.sagas import workers


class SagaBootstep(WorkerThreadsStep):
    """Runs sagas and timers when `--sagas` is given; any number of workers may."""

    def __init__(self, worker: Any, sagas: bool = False, **options: Any) -> None:
        super().__init__(worker, **options)
        self.is_requested = sagas

    def include_if(self, worker: Any) -> bool:
        return self.is_requested

    def thread_targets(self) -> Iterator[tuple[str, Callable[[Signal], None]]]:
        yield from workers.threads(process_name())
