"""What counting costs a command: the same commands with and without metrics, in pairs of short turns of one process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from math import sqrt
from statistics import median
from time import process_time_ns, thread_time_ns
from typing import Any

from django.db import connection

from benchmarks.measurement_process import ticket_client
from eventshop.eventstore.command_metrics import CommandTimer
from eventshop.runtime.metric_buffer import MetricBuffer, flush_buffers

#: Commands of a ticket, tickets of a turn, and pairs of turns that are not counted because everything is new.
COMMANDS, TURN, WARM_UP = 3, 10, 10


def measure_counting(*, pairs: int) -> dict[str, float]:
    """The processor time of a command without metrics, and what they add: clocked in place, and by pairs of turns.

    A turn with metrics ends with the counting that a thread would do later, in the turn without them. On a busy machine
    pairs differ by more than metrics cost, so their median is told with the bounds between which it is, 95 % sure.
    """
    _wait_for_no_disk()
    once, added, uncounted = ticket_client(), list[float](), list[float]()
    for number in range(WARM_UP + pairs):
        times = {is_counted: _time_turn(once, is_counted) for is_counted in (number % 2 == 0, number % 2 != 0)}
        if number >= WARM_UP:
            added.append(times[True] - times[False])
            uncounted.append(times[False])
    added.sort()
    without, reach = median(uncounted), round(0.98 * sqrt(pairs))  # of order statistics: 95 % sure
    low, high = added[max(0, pairs // 2 - reach)], added[min(pairs - 1, pairs // 2 + reach)]
    own = _clock(once, pairs * TURN)
    return {
        "uncounted_us": without,
        "own_us": own,
        "cost": own / without,
        "pairs": median(added) / without,
        "low": low / without,
        "high": high / without,
    }


def _wait_for_no_disk() -> None:
    """Processor time is measured: what a commit waits for would only make it last longer."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("ALTER ROLE CURRENT_USER SET synchronous_commit = off")
        connection.close()


def _time_turn(once: Callable[[], None], is_counted: bool) -> float:
    """The processor time of a command of this turn in us, in all threads of the process."""
    with nullcontext() if is_counted else _nothing_counted():
        once()  # the first one pays for the change
        flush_buffers()
        began = process_time_ns()
        for _ in range(TURN):
            once()
        flush_buffers()
        return (process_time_ns() - began) / TURN / COMMANDS / 1_000


def _clock(once: Callable[[], None], tickets: int) -> float:
    """The processor time that metrics take themselves for a command in us: at it, and in the thread that counts.

    Without what reading the clock takes, which is measured beside them.
    """
    spent = {"start": 0, "count": 0, "flush": 0, "clock": 0}

    def clock(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def clocked(*arguments: Any) -> Any:
            began = thread_time_ns()
            result = function(*arguments)
            spent[name] += thread_time_ns() - began
            return result

        return clocked

    nothing = clock("clock", lambda *arguments: None)
    flush = MetricBuffer.flush
    flush_buffers()
    MetricBuffer.flush = clock("flush", flush)  # type: ignore[method-assign]
    try:
        with _replaced(clock("start", CommandTimer.__init__), clock("count", CommandTimer.count)):
            for _ in range(tickets):
                once()
                nothing(None)  # as cold as the others: what the clock itself takes of each
        flush_buffers()
    finally:
        MetricBuffer.flush = flush  # type: ignore[method-assign]
    taken = spent["start"] + spent["count"] + spent["flush"] - 2 * COMMANDS * spent["clock"]
    return taken / tickets / COMMANDS / 1_000


def _nothing_counted() -> AbstractContextManager[None]:
    """Commands are timed and counted by nobody."""
    return _replaced(lambda self, command: None, lambda self, receipt: receipt)


@contextmanager
def _replaced(start: Any, count: Any) -> Iterator[None]:
    kept: Any = CommandTimer.__init__, CommandTimer.count
    CommandTimer.__init__, CommandTimer.count = start, count  # type: ignore[method-assign]
    try:
        yield
    finally:
        CommandTimer.__init__, CommandTimer.count = kept  # type: ignore[method-assign]
