"""Ctrl-C and SIGTERM end a command after the work in hand."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event as Signal
from threading import current_thread, main_thread


@contextmanager
def stop_on_signals() -> Iterator[Signal]:
    """Is set when the process is asked to end; what was there before is there again afterwards."""
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
