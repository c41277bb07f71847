"""Threads that are started again when they end unexpectedly; too often, and the process ends to be started afresh."""

from __future__ import annotations

import logging
import os
from collections import deque
from collections.abc import Callable, Iterable
from threading import Event as Signal
from threading import Thread
from time import monotonic
from typing import Final, TypeAlias, TypedDict

from django.conf import settings

from eventshop.runtime.backoff import WORKER_BACKOFF, Backoff
from eventshop.runtime.connections import close_connections

log = logging.getLogger(__name__)

#: The exit status of a process whose threads end again and again. The supervisor starts the process again.
EXIT_CODE_THREADS: Final = 71
#: THREAD_END_LIMIT unexpected ends of one thread within so many seconds end the process.
ENDS_WITHIN_S: Final = 600.0

#: The name of a thread, and its function, which returns soon after the signal is set and not before.
ThreadTarget: TypeAlias = tuple[str, Callable[[Signal], None]]


class ThreadState(TypedDict):
    """The state of a thread, as its process reports it."""

    alive: bool
    restarts: int
    restarted_s_ago: float | None
    last_error: str


class SupervisedThread:
    """Runs a function in a thread until `stop` is set. A return or an exception before that starts it again."""

    def __init__(
        self,
        name: str,
        run: Callable[[Signal], None],
        stop: Signal,
        *,
        backoff: Backoff = WORKER_BACKOFF,
    ) -> None:
        self.name = name
        self._run, self._stop, self._backoff = run, stop, backoff
        self._end_limit: int = settings.THREAD_END_LIMIT
        self._is_running = False
        self._restarts = 0
        self._last_error = ""
        self._ends = deque[float](maxlen=self._end_limit)
        self._thread = Thread(target=self._supervise, name=name)

    def start(self) -> None:
        self._is_running = True
        self._thread.start()

    def join(self, timeout_s: float | None = None) -> None:
        self._thread.join(timeout_s)

    def state(self) -> ThreadState:
        return ThreadState(
            alive=self._is_running and self._thread.is_alive(),
            restarts=self._restarts,
            restarted_s_ago=round(monotonic() - self._ends[-1], 1) if self._ends else None,
            last_error=self._last_error,
        )

    def _supervise(self) -> None:
        try:
            self._run_once()
            while not self._stop.is_set():
                self._run_once()
        except BaseException:
            log.critical("%s: the supervision failed; ending this process", self.name, exc_info=True)
            os._exit(EXIT_CODE_THREADS)

    def _run_once(self) -> None:
        self._is_running = True
        try:
            self._run(self._stop)
            error: BaseException | None = None
        except BaseException as raised:  # also SystemExit: no line of a worker thread may end it
            error = raised
        self._is_running = False
        if error is None and self._stop.is_set():
            return
        self._record_end(error)
        close_connections()
        self._stop.wait(self._backoff.delay_s(len(self._ends)))

    def _record_end(self, error: BaseException | None) -> None:
        self._last_error = f"{type(error).__name__}: {error}"[:500] if error else "returned before it was stopped"
        log.error("%s ended unexpectedly, starting it again: %s", self.name, error or self._last_error, exc_info=error)
        now = monotonic()
        while self._ends and self._ends[0] < now - ENDS_WITHIN_S:
            self._ends.popleft()
        self._ends.append(now)
        self._restarts += 1
        if len(self._ends) >= self._end_limit:
            log.critical("%s ended %s times; ending this process so that it starts afresh", self.name, self._end_limit)
            os._exit(EXIT_CODE_THREADS)


def start_threads(targets: Iterable[ThreadTarget], stop: Signal) -> list[SupervisedThread]:
    """Start a supervised thread for each target."""
    threads = [SupervisedThread(name, run, stop) for name, run in targets]
    for thread in threads:
        thread.start()
    return threads
