"""Hosting sagas and timers inside a Celery worker. Its messages carry none of it: losing the broker loses nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from threading import Event as Signal
from typing import Any

from eventshop.core.ids import this_process
from eventshop.log.source import event_log
from eventshop.process import running
from eventshop.process.hosting import HostedThreads


class ProcessStep(HostedThreads):
    """Runs what goes on over time when `--processes` is given; any number of workers may."""

    def __init__(self, worker: Any, processes: bool = False, **options: Any) -> None:
        super().__init__(worker, **options)
        self.wanted = processes

    def include_if(self, worker: Any) -> bool:
        return self.wanted

    def work(self) -> Iterator[tuple[str, Callable[[Signal], None]]]:
        yield from running.threads(this_process(), event_log())
