"""Counts commands by type and outcome, and measures how long they take."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cache
from time import perf_counter
from typing import Any, Final

from eventshop.core.errors import CommandRefused, Conflict, EventShopError
from eventshop.core.messages import Command
from eventshop.eventstore.command_receipts import Receipt
from eventshop.runtime import metrics
from eventshop.runtime.metric_buffer import MetricBuffer, observe_together


class CommandTimer:
    """Measures one command; cheaper than a context manager made by a generator."""

    __slots__ = ("_command", "_started")

    def __init__(self, command: Command) -> None:
        self._command = type(command)
        self._started = perf_counter()

    def count(self, receipt: Receipt) -> Receipt:
        """Count a command that has its receipt, and return the receipt."""
        seconds = perf_counter() - self._started
        _counted.add((self._command, "replayed" if receipt.replayed else "accepted", seconds))
        return receipt

    def count_error(self, error: BaseException) -> None:
        """Count a command that was not accepted."""
        _counted.add((self._command, outcome_of(error), perf_counter() - self._started))


def _count(commands: Sequence[tuple[type[Command], str, float]]) -> None:
    for (command, outcome), number in Counter((command, outcome) for command, outcome, _ in commands).items():
        _counter(command.__name__, outcome).inc(number)
    observe_together(metrics.COMMAND_SECONDS, [seconds for *_, seconds in commands])


#: Commands that were sent one at a time: their types, outcomes and durations.
_counted: Final = MetricBuffer(_count)


def count_batch(outcomes: Iterable[tuple[Command, Receipt | EventShopError]], seconds: float) -> None:
    """Count the commands of a batch, with one increment for each type and outcome."""
    counts = Counter[tuple[str, str]]()
    for command, outcome in outcomes:
        if isinstance(outcome, EventShopError):
            counts[type(command).__name__, outcome_of(outcome)] += 1
        else:
            counts[type(command).__name__, "replayed" if outcome.replayed else "accepted"] += 1
    metrics.COMMAND_BATCH_SECONDS.observe(seconds)
    for (command_type, outcome_name), number in counts.items():
        _counter(command_type, outcome_name).inc(number)


def outcome_of(error: BaseException) -> str:
    """`refused` by the domain, `conflict` with other writers, `invalid` for another error of ours, or `failed`."""
    if isinstance(error, CommandRefused):
        return "refused"
    if isinstance(error, Conflict):
        return "conflict"
    return "invalid" if isinstance(error, EventShopError) else "failed"


@cache
def _counter(command: str, outcome: str) -> Any:
    """The counter of one type and outcome; looking up labels would take longer than counting."""
    return metrics.COMMANDS.labels(command, outcome)
