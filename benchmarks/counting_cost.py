"""What counting costs a command: the same commands with and without metrics, in short turns of one process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from statistics import median
from time import process_time_ns
from typing import Any

from benchmarks.measurement_process import ticket_client
from eventshop.eventstore.command_metrics import CommandTimer

#: Commands of a ticket, tickets of a turn, and turns that are not counted because everything is new.
COMMANDS, TURN, WARM_UP = 3, 20, 10


def measure_counting(*, tickets: int) -> dict[str, float]:
    """Median processor time of a command in us with and without metrics; as short turns meet the same load."""
    once, times = ticket_client(), {True: list[int](), False: list[int]()}
    for number in range(WARM_UP + tickets // TURN):
        is_counted = number % 2 == 0
        with nullcontext() if is_counted else _nothing_counted():
            once()  # the first one pays for the change
            began = process_time_ns()
            for _ in range(TURN):
                once()
            times[is_counted].append(process_time_ns() - began)
    counted, uncounted = (median(times[one][WARM_UP // 2 :]) / TURN / COMMANDS / 1_000 for one in (True, False))
    return {"counted_us": counted, "uncounted_us": uncounted, "cost": (counted - uncounted) / uncounted}


@contextmanager
def _nothing_counted() -> Iterator[None]:
    """Commands are timed and counted by nobody."""
    kept: Any = CommandTimer.__init__, CommandTimer.count
    CommandTimer.__init__ = lambda self, command: None  # type: ignore[method-assign]
    CommandTimer.count = lambda self, receipt: receipt  # type: ignore[method-assign]
    try:
        yield
    finally:
        CommandTimer.__init__, CommandTimer.count = kept  # type: ignore[method-assign]
