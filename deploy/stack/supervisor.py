"""Supervises the application's processes: restarts those that exit, with exponential back-off."""

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
#: After this long without an exit the back-off starts again.
RESET_AFTER_S = 60.0


class SupervisedProcess:
    """One process that is restarted when it exits."""

    def __init__(self, process: Process, command: Sequence[str]) -> None:
        self.process = process
        self.command = command
        self.exits = 0
        self.started_at = monotonic()
        self.restart_at: float | None = None

    def check(self, now: float) -> str | None:
        """Restart the process if it has exited and its back-off has passed; return a message about it, or None."""
        if self.process.pid is not None:
            return None
        if self.restart_at is None:
            self.exits = 1 if now - self.started_at > RESET_AFTER_S else self.exits + 1
            wait = min(2.0 ** (self.exits - 1), MAX_BACKOFF_S)
            self.restart_at = now + wait
            return f"{self.process.name} exited ({self.process.log_tail(1)}); restart in {wait:.0f} s"
        if now < self.restart_at:
            return None
        self.start(now)
        return f"{self.process.name} restarted"

    def start(self, now: float) -> None:
        """Start the process unless it runs."""
        self.restart_at, self.started_at = None, now
        self.process.start(self.command, cwd=ROOT, env=os.environ)


def supervise(folder: DataFolder, programs: Mapping[str, Sequence[str]], stopping: Signal) -> None:
    """Supervise programs until `stopping` is set; the programs keep running afterwards."""
    supervised = [SupervisedProcess(Process(name, folder), command) for name, command in programs.items()]
    for process in supervised:
        process.start(monotonic())
    while not stopping.wait(CHECK_INTERVAL_S):
        for process in supervised:
            if message := process.check(monotonic()):
                print(f"{datetime.now():%Y-%m-%d %H:%M:%S} {message}", flush=True)


def main(arguments: Sequence[str]) -> int:
    """Supervise programs: arguments are the data folder and a JSON object of command lines by name."""
    folder, programs = arguments
    stopping = Signal()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    supervise(DataFolder(Path(folder)), json.loads(programs), stopping)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
