"""Keeps the application's processes running: what ends is started again, ever later if it ends again and again."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from threading import Event as Signal
from time import monotonic

from deploy.local import ROOT
from deploy.stack.folder import DataFolder
from deploy.stack.processes import Process

CHECK_INTERVAL_S = 0.5
MAX_BACKOFF_S = 30.0
#: After so long without an end, the next one counts as the first.
RESET_AFTER_S = 60.0


class SupervisedProcess:
    """One process that is kept running."""

    def __init__(self, process: Process, command: Sequence[str]) -> None:
        self.process = process
        self.command = command
        self.exits = 0
        self.started_at = monotonic()
        self.restart_at: float | None = None

    def check(self, now: float) -> str | None:
        """Start the process when it does not run and its time has come; tells what was done or found."""
        if self.process.pid is not None:
            return None
        if self.restart_at is None:
            self.exits = 1 if now - self.started_at > RESET_AFTER_S else self.exits + 1
            wait = min(2.0 ** (self.exits - 1), MAX_BACKOFF_S)
            self.restart_at = now + wait
            return f"{self.process.name} ended ({self.process.log_tail(1)}); it is started again in {wait:.0f} s"
        if now < self.restart_at:
            return None
        self.start(now)
        return f"{self.process.name} started again"

    def start(self, now: float) -> None:
        """Start the process, unless it runs."""
        self.restart_at, self.started_at = None, now
        self.process.start(self.command, cwd=ROOT, env=os.environ)


def supervise(folder: DataFolder, programs: Mapping[str, Sequence[str]], stopping: Signal) -> None:
    """Keep programs running until told to stop; they themselves are left running."""
    supervised = [SupervisedProcess(Process(name, folder), command) for name, command in programs.items()]
    for process in supervised:
        process.start(monotonic())
    while not stopping.wait(CHECK_INTERVAL_S):
        for process in supervised:
            if message := process.check(monotonic()):
                print(f"{datetime.now():%Y-%m-%d %H:%M:%S} {message}", flush=True)


def main(arguments: Sequence[str]) -> int:
    """Supervise the programs that a file names."""
    folder, programs = arguments
    stopping = Signal()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    supervise(DataFolder(Path(folder)), json.loads(programs), stopping)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
