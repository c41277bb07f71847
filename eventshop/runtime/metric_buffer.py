"""Counts later and together what happens often: an addition costs an append, and no lock and no write to a file."""

from __future__ import annotations

import atexit
import logging
import os
from bisect import bisect_left
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from threading import Event, Lock, Thread
from time import sleep
from typing import Any, Final, Generic, TypeVar

from prometheus_client import REGISTRY, Histogram
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

T = TypeVar("T")

log = logging.getLogger(__name__)

#: How long additions wait at most. Several processes of a web server are scraped by one of them, which cannot ask the
#: others to count; before a scrape of its own process a buffer is emptied.
KEPT_S: Final = 0.5


class MetricBuffer(Generic[T]):
    """Items that `count` counts together, by a thread that sleeps while there are none."""

    def __init__(self, count: Callable[[Sequence[T]], None]) -> None:
        self._count = count
        self._reset()
        _buffers.append(self)
        os.register_at_fork(after_in_child=self._reset)

    def add(self, item: T) -> None:
        """Have an item counted soon."""
        self._items.append(item)
        if not self._added.is_set():
            self._wake()

    def flush(self) -> None:
        """Count all items that were added until now."""
        with self._lock:
            items = [self._items.popleft() for _ in range(len(self._items))]
            if items:
                self._count(items)

    def _reset(self) -> None:
        """Begin without items and without a thread: a forked process has neither."""
        self._items: deque[T] = deque()
        self._added, self._lock = Event(), Lock()
        self._thread: Thread | None = None

    def _wake(self) -> None:
        with self._lock:
            self._added.set()
            if self._thread is None:
                self._thread = Thread(target=self._run, name="metric-buffer", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while self._added.wait():
            sleep(KEPT_S)
            self._added.clear()
            try:
                self.flush()
            except Exception:  # any error: without this thread the items would gather for ever
                log.exception("some metrics were not counted")


_buffers: Final[list[MetricBuffer[Any]]] = []


@atexit.register
def flush_buffers() -> None:
    """Count everything that this process has added until now."""
    for buffer in _buffers:
        buffer.flush()


class _FlushingCollector(Collector):
    """Stands first in the registry, and has nothing of its own."""

    def collect(self) -> Iterator[Metric]:
        flush_buffers()
        return iter(())


def flush_before_scrapes() -> None:
    """Empty all buffers before each scrape. To be called before the first metric is made: scrapes keep the order."""
    REGISTRY.register(_FlushingCollector())


def observe_together(histogram: Histogram, values: Sequence[float]) -> None:
    """As `observe` for each of the values, with one write for each bucket; the library has no such function."""
    bounds: list[float] = histogram._upper_bounds
    for number, count in Counter(bisect_left(bounds, value) for value in values).items():
        histogram._buckets[number].inc(count)
    histogram._sum.inc(sum(values))
