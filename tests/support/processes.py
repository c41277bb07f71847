"""Processes of the program that tests start, watch and kill."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Final

ROOT = Path(__file__).resolve().parents[2]
#: A machine with other work on it may take this much longer than a test allows for.
BUSY: Final = 4


@contextmanager
def running(*arguments: str, env: Mapping[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """`manage.py ARGUMENTS` as a process, killed at the end if it still lives; what it says goes to `log`."""
    with run("manage.py", *arguments, env=env, log=log) as process:
        yield process


@contextmanager
def run(*arguments: str, env: Mapping[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """As `running`, for `python ARGUMENTS`."""
    with log.open("ab") as out:
        process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=ROOT,
            env={**os.environ, **env},
            stdout=out,
            stderr=subprocess.STDOUT,
        )
        try:
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.kill()
            process.wait()


def until(condition: Callable[[], object], *, within_s: float = 60, what: str = "") -> None:
    """Wait for a condition; fails with `what` when it does not come true in time."""
    asked = monotonic()
    give_up = asked + within_s * BUSY
    while not condition():
        answered = monotonic()
        if answered > give_up:
            raise AssertionError(f"not within {within_s} s: {what or condition}")
        # A question that costs much is asked seldom, or it would hold up what it waits for.
        sleep(max(0.02, answered - asked))
        asked = monotonic()
