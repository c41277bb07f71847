"""A few threads that run short tasks, and close their database connections when they end."""

from __future__ import annotations

import logging
from collections.abc import Callable
from queue import SimpleQueue
from threading import Lock, Thread
from types import TracebackType
from typing import Self

from django.db import connections

log = logging.getLogger(__name__)


class TaskThreads:
    """At most `count` threads, each started when no other is idle. Leaving the context waits for all tasks.

    `concurrent.futures` has no hook at the end of a thread, where a connection without a pool must be closed.
    """

    def __init__(self, count: int, name: str) -> None:
        self._count = count
        self._name = name
        self._tasks: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._threads: list[Thread] = []
        self._lock = Lock()
        self._unfinished = 0

    def submit(self, task: Callable[[], None]) -> None:
        """Run a task in some thread, in the order of submission. An error that it raises is logged.

        Raises RuntimeError, and does not run it, when a thread is needed and cannot be started.
        """
        with self._lock:
            if self._unfinished >= len(self._threads) < self._count:
                thread = Thread(target=self._run, name=f"{self._name}-{len(self._threads)}")
                thread.start()
                self._threads.append(thread)
            self._unfinished += 1
        self._tasks.put(task)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for _ in self._threads:
            self._tasks.put(None)
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        while (task := self._tasks.get()) is not None:
            try:
                task()
            except BaseException:  # a task may even exit: that ends neither thread nor process
                log.exception("%s: a task failed", self._name)
            with self._lock:
                self._unfinished -= 1
        connections.close_all()
