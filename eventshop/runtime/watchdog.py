"""A deadline for calls that can hang for ever, such as kafka-python's commit and abort, which have no timeout, and
statements to a database whose machine disappeared without closing the connection.
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

#: The exit code after a call has hung. The supervisor starts the process again.
EXIT_CODE_HANGING: Final = 70


class Watchdog:
    """One thread that ends the process when a watched call exceeds its deadline. Any thread may be watched."""

    def __init__(self) -> None:
        self._deadlines: dict[object, tuple[float, str]] = {}
        self._stop = Signal()
        Thread(target=self._watch, name="watchdog", daemon=True).start()

    @contextmanager
    def deadline(self, seconds: float, description: str) -> Iterator[None]:
        """End the process if the block takes longer than `seconds`."""
        call = object()
        self._deadlines[call] = monotonic() + seconds, description
        try:
            yield
        finally:
            del self._deadlines[call]

    def close(self) -> None:
        """Stop watching."""
        self._stop.set()

    def _watch(self) -> None:
        while not self._stop.wait(0.5):
            for expires_at, description in list(self._deadlines.values()):
                if monotonic() > expires_at:
                    log.critical("%s hangs; ending this process so that it is started again", description)
                    os._exit(EXIT_CODE_HANGING)
