"""Waits for conditions. No test may depend on how fast the machine is: there is one limit, far beyond every need."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from time import monotonic, sleep
from typing import Any, Final, TypeVar

Value = TypeVar("Value")

#: Seconds after which a wait fails. Only a test that would never end reaches it.
DEADLINE_S: Final = 600.0


def wait_until(condition: Callable[[], Value], *, seen: Callable[[], object] | Path | str = "") -> Value:
    """Wait until a condition is true and return its value.

    Raises AssertionError after `DEADLINE_S` with the last value of the condition and with `seen`: a text, the result of
    a call, or the end of a log file.
    """
    deadline = monotonic() + DEADLINE_S
    while True:
        started = monotonic()
        if value := condition():
            return value
        if monotonic() > deadline:
            raise AssertionError(f"still {value!r} after {DEADLINE_S:.0f} s; {_describe(seen)}")
        # An expensive condition is checked less often: it would slow down what the test waits for, and other tests.
        took = monotonic() - started
        sleep(max(0.02, took + min(2 * took, 0.5)))


def wait_for_exit(process: subprocess.Popen[Any], *, log: Path | None = None) -> int:
    """Wait until a process has ended and return its exit status."""
    try:
        return process.wait(DEADLINE_S)
    except subprocess.TimeoutExpired as error:
        raise AssertionError(f"{error}; {_describe(log or '')}") from None


def join_threads(*threads: Thread) -> None:
    """Wait until threads have ended."""
    for thread in threads:
        thread.join(DEADLINE_S)
        assert not thread.is_alive(), f"the thread {thread.name} still runs after {DEADLINE_S:.0f} s"


def _describe(seen: Callable[[], object] | Path | str) -> str:
    if isinstance(seen, Path):
        return f"end of {seen.name}: {seen.read_text(errors='replace')[-4_000:] if seen.exists() else 'no such file'}"
    return f"seen: {seen if isinstance(seen, str) else seen()}"
