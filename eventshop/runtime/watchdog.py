"""A watch over calls that can hang for ever: kafka-python's commit and abort have no timeout (mechanics 1.2), and
neither has a database whose machine is gone without a word.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event as Signal
from threading import Thread
from time import monotonic
from typing import Final

log = logging.getLogger(__name__)

#: What the process exits with when a call hangs; whoever supervises it starts it again.
EXIT_HANGING: Final = 70


class Watchdog:
    """One thread that ends the process when a watched call outlives its time; any thread may be watched."""

    def __init__(self) -> None:
        self._watched: dict[object, tuple[float, str]] = {}
        self._stop = Signal()
        Thread(target=self._watch, name="watchdog", daemon=True).start()

    @contextmanager
    def within(self, seconds: float, what: str) -> Iterator[None]:
        call = object()
        self._watched[call] = monotonic() + seconds, what
        try:
            yield
        finally:
            del self._watched[call]

    def close(self) -> None:
        self._stop.set()

    def _watch(self) -> None:
        while not self._stop.wait(0.5):
            for until, what in list(self._watched.values()):
                if monotonic() > until:
                    log.critical("%s hangs; ending this process so that it is started again", what)
                    os._exit(EXIT_HANGING)
