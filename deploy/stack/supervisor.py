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
from deploy.stack.folder import Folder
from deploy.stack.processes import Process

LOOK_EVERY_S = 0.5
LONGEST_WAIT_S = 30.0
#: After so long without an end, the next one counts as the first.
CALM_S = 60.0


class Kept:
    """One process that is kept running."""

    def __init__(self, process: Process, command: Sequence[str]) -> None:
        self.process = process
        self.command = command
        self.ends = 0
        self.begun = monotonic()
        self.not_before: float | None = None

    def look(self, now: float) -> str | None:
        """Start the process when it does not run and its time has come; tells what was done or found."""
        if self.process.pid is not None:
            return None
        if self.not_before is None:
            self.ends = 1 if now - self.begun > CALM_S else self.ends + 1
            wait = min(2.0 ** (self.ends - 1), LONGEST_WAIT_S)
            self.not_before = now + wait
            return f"{self.process.name} ended ({self.process.last_words(1)}); it is started again in {wait:.0f} s"
        if now < self.not_before:
            return None
        self.start(now)
        return f"{self.process.name} started again"

    def start(self, now: float) -> None:
        """Start the process, unless it runs."""
        self.not_before, self.begun = None, now
        self.process.start(self.command, cwd=ROOT, env=os.environ)


def supervise(folder: Folder, programs: Mapping[str, Sequence[str]], stopping: Signal) -> None:
    """Keep programs running until told to stop; they themselves are left running."""
    kept = [Kept(Process(name, folder), command) for name, command in programs.items()]
    for one in kept:
        one.start(monotonic())
    while not stopping.wait(LOOK_EVERY_S):
        for one in kept:
            if told := one.look(monotonic()):
                print(f"{datetime.now():%Y-%m-%d %H:%M:%S} {told}", flush=True)


def main(arguments: Sequence[str]) -> int:
    """Supervise the programs that a file names."""
    folder, programs = arguments
    stopping = Signal()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    supervise(Folder(Path(folder)), json.loads(programs), stopping)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
