"""Hosting sagas and timers inside a Celery worker. Its messages carry none of it: losing the broker loses nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from threading import Event as Signal
from typing import Any

from eventshop.core.deterministic_ids import process_name
from eventshop.messaging.event_log_factory import create_event_log
from eventshop.runtime.worker_threads import WorkerThreadsStep
from eventshop.sagas import workers


class SagaBootstep(WorkerThreadsStep):
    """Runs what goes on over time when `--processes` is given; any number of workers may."""

    def __init__(self, worker: Any, processes: bool = False, **options: Any) -> None:
        super().__init__(worker, **options)
        self.wanted = processes

    def include_if(self, worker: Any) -> bool:
        return self.wanted

    def thread_targets(self) -> Iterator[tuple[str, Callable[[Signal], None]]]:
        yield from workers.threads(process_name(), create_event_log())
