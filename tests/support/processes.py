"""EventShop processes that tests start, watch and kill."""

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
#: A machine with other load may take this many times longer than a test expects.
SLOW_MACHINE_FACTOR: Final = 4


@contextmanager
def manage_process(*arguments: str, env: Mapping[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run `manage.py ARGUMENTS` as a process; kill it at the end if it still runs. Its output goes to `log`."""
    with python_process("manage.py", *arguments, env=env, log=log) as process:
        yield process


@contextmanager
def python_process(*arguments: str, env: Mapping[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """As `manage_process`, for `python ARGUMENTS`."""
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


def wait_until(condition: Callable[[], object], *, within_s: float = 60, description: str = "") -> None:
    """Wait for a condition; raises `AssertionError` with `description` when it does not come true in time."""
    started = monotonic()
    deadline = started + within_s * SLOW_MACHINE_FACTOR
    while not condition():
        finished = monotonic()
        if finished > deadline:
            raise AssertionError(f"not within {within_s} s: {description or condition}")
        # An expensive condition is checked less often: it would slow down what the test waits for.
        sleep(max(0.02, finished - started))
        started = monotonic()
