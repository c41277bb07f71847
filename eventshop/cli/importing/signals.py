"""Stops a command after the current batch on Ctrl-C or SIGTERM."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event as Signal
from threading import current_thread, main_thread


@contextmanager
def stop_on_signals() -> Iterator[Signal]:
    """Yield an event that SIGINT or SIGTERM sets. The previous handlers are restored at the end."""
    stop = Signal()
    if current_thread() is not main_thread():
        yield stop
        return
    numbers = (signal.SIGINT, signal.SIGTERM)
    previous_handlers = [signal.signal(number, lambda *_: stop.set()) for number in numbers]
    try:
        yield stop
    finally:
        for number, handler in zip(numbers, previous_handlers, strict=True):
            signal.signal(number, handler)
