"""Signals between processes that use one SQLite file: a thread looks whether any of them has committed."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path
from threading import Event as Signal
from threading import Thread
from typing import Final

from eventshop.runtime.backoff import WORKER_BACKOFF

log = logging.getLogger(__name__)

#: The time between two looks: the first just after a commit, then longer and longer. A look takes some 50 us of
#: processor time, so that an idle worker uses 0.1 % of a core for them.
SHORTEST_LOOK_INTERVAL_S: Final = 0.01
LONGEST_LOOK_INTERVAL_S: Final = 0.05


class SqliteSignals:
    """Calls `wake_all` after every commit to the file, by whichever process: SQLite does not say what changed."""

    def __init__(self, path: str, wake_all: Callable[[], None]) -> None:
        self.is_listening = False
        self._path, self._wake_all = path, wake_all
        self._stop = Signal()
        self._thread: Thread | None = None

    def send(self, channels: Iterable[str]) -> None:
        """Other processes see the commit itself."""

    def listen(self) -> None:
        if self._thread is None:
            self._thread = Thread(target=self._run, name="wake-signals", daemon=True)
            self._thread.start()

    def close(self) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        failures = 0
        while not self._stop.is_set():
            try:
                with closing(sqlite3.connect(f"{Path(self._path).absolute().as_uri()}?mode=ro", uri=True)) as file:
                    self._look_for_commits(file)
            except sqlite3.Error as error:
                self.is_listening = False
                failures += 1
                log.warning("The database file cannot be watched for commits, trying again: %s", error)
                self._stop.wait(WORKER_BACKOFF.delay_s(failures))

    def _look_for_commits(self, file: sqlite3.Connection) -> None:
        seen: int | None = None
        interval_s = SHORTEST_LOOK_INTERVAL_S
        while not self._stop.is_set():
            # The number changes when another connection commits; the statement reads nothing of the database.
            [(number,)] = file.execute("PRAGMA data_version")
            if number != seen:
                seen = number
                interval_s = SHORTEST_LOOK_INTERVAL_S
                self._wake_all()
            self.is_listening = True
            self._stop.wait(interval_s)
            interval_s = min(interval_s * 1.5, LONGEST_LOOK_INTERVAL_S)
