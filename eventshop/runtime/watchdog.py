"""A deadline for calls that can hang for ever, such as kafka-python's commit and abort, which have no timeout, and
statements to a database whose machine disappeared without closing the connection.
"""

from __future__ import annotations

import faulthandler
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from math import inf
from threading import Event as Signal
from threading import Thread
from time import monotonic
from typing import Final, NoReturn

log = logging.getLogger(__name__)

#: The exit code after a call has hung. The supervisor starts the process again.
EXIT_CODE_HANGING: Final = 70
#: Added to each sleep, so that a deadline has passed when the watchdog wakes for it.
_MARGIN_S: Final = 0.01


class Watchdog:
    """One thread that ends the process when a watched call exceeds its deadline. Any thread may be watched.

    It sleeps until the earliest deadline.
    """

    def __init__(self) -> None:
        self._deadlines: dict[object, tuple[float, str]] = {}
        self._wakes_at = inf
        self._changed = Signal()
        self._is_closed = False
        Thread(target=self._watch, name="watchdog", daemon=True).start()

    @contextmanager
    def deadline(self, seconds: float, description: str) -> Iterator[None]:
        """End the process if the block takes longer than `seconds`."""
        call, expires_at = object(), monotonic() + seconds
        self._deadlines[call] = expires_at, description
        if expires_at < self._wakes_at:
            self._changed.set()
        try:
            yield
        finally:
            del self._deadlines[call]

    def close(self) -> None:
        """Stop watching."""
        self._is_closed = True
        self._changed.set()

    def _watch(self) -> None:
        while not self._is_closed:
            self._changed.clear()
            self._wakes_at = inf  # before the look: a deadline that comes later interrupts the wait
            deadlines = list(self._deadlines.values())
            now = monotonic()
            for expires_at, description in deadlines:
                if now > expires_at:
                    log.critical("%s hangs; ending this process so that it is started again", description)
                    _end_process()
            self._wakes_at = min((expires_at for expires_at, _ in deadlines), default=inf)
            self._changed.wait(None if self._wakes_at == inf else self._wakes_at - now + _MARGIN_S)


def _end_process() -> NoReturn:
    try:
        faulthandler.dump_traceback()  # where each thread is: the only witness of a rare hang
    finally:
        os._exit(EXIT_CODE_HANGING)
