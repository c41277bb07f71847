"""Programs that run side by side with their output in one: whatever ends one of them, or this one, ends them all."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from threading import Lock, Thread
from typing import Final

from honcho.colour import get_colours
from honcho.printer import Message, Printer

#: How long a program may take to end by itself.
STOP_TIMEOUT_S: Final = 5.0
POLL_INTERVAL_S: Final = 0.1
STOP_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class ProcessGroup:
    """Programs by name, as a Procfile has them."""

    def __init__(self, programs: Mapping[str, str], *, env: Mapping[str, str], cwd: Path) -> None:
        self.programs, self.env, self.cwd = programs, env, cwd
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.stop_requested = False
        self._printer = Printer(sys.stdout, width=max(map(len, (*programs, "system"))))
        self._readers: list[Thread] = []
        self._print_lock = Lock()

    def run(self) -> int:
        """Run them until one ends or this program is told to; returns the status to exit with."""
        # Only a mark: whatever is being done or printed at the moment is finished first.
        handle_stop_signals(lambda *_: setattr(self, "told_to_end", True))
        try:
            for (name, command), colour in zip(self.programs.items(), get_colours(), strict=False):
                self._start(name, command, colour)
            while not self.stop_requested and is_stdout_open():
                if ended := next((it for it in self.processes.items() if it[1].poll() is not None), None):
                    self.print_line("system", f"{ended[0]} ended (status {ended[1].returncode})")
                    return abs(int(ended[1].returncode))
                time.sleep(POLL_INTERVAL_S)
            return 0
        finally:
            self._stop()

    def print_line(self, name: str, line: str | bytes, colour: str | None = None) -> None:
        """Print a line of one of them; when nobody reads any more, all of them end."""
        with self._print_lock:
            try:
                self._printer.write(Message(type="line", data=line, time=datetime.now(), name=name, colour=colour))
            except OSError:  # a pipe that was closed, a terminal that is gone
                discard_stdout()
                self.stop_requested = True

    def _start(self, name: str, command: str, colour: str) -> None:
        program = subprocess.Popen(  # noqa: S602  (our own Procfile)
            f"exec {command}",  # the signal to stop reaches the program itself and not a shell around it
            shell=True,
            cwd=self.cwd,
            env=self.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C reaches it once, through this program
        )
        self.processes[name] = program
        reader = Thread(target=self._forward_output, args=(name, program, colour), daemon=True)
        reader.start()
        self._readers.append(reader)
        self.print_line("system", f"{name} started (pid {program.pid})")

    def _forward_output(self, name: str, program: subprocess.Popen[bytes], colour: str) -> None:
        for line in program.stdout or ():
            self.print_line(name, line, colour)

    def _stop(self) -> None:
        for name, program in self.processes.items():
            if program.poll() is None:
                self.print_line("system", f"stopping {name} (pid {program.pid})")
                program.terminate()
        deadline = time.monotonic() + STOP_TIMEOUT_S
        while any(program.poll() is None for program in self.processes.values()) and time.monotonic() < deadline:
            time.sleep(POLL_INTERVAL_S)
        for program in self.processes.values():
            if program.poll() is None:
                os.killpg(program.pid, signal.SIGKILL)
            program.wait()
        for reader in self._readers:
            reader.join(POLL_INTERVAL_S)  # last words


def handle_stop_signals(handler: signal._HANDLER) -> None:
    """Hear what ends a program: Ctrl-C, SIGTERM, and a terminal that closes unless `nohup` said not to mind."""
    for sign in STOP_SIGNALS:
        if sign is not signal.SIGHUP or signal.getsignal(sign) is not signal.SIG_IGN:
            signal.signal(sign, handler)


def raise_interrupt(*_: object) -> None:
    """End as with Ctrl-C."""
    raise KeyboardInterrupt


def is_stdout_open() -> bool:
    """Tell whether what is printed is still read, without printing: `| head` may have had enough long ago."""
    looking = select.poll()
    looking.register(sys.stdout, 0)
    return not looking.poll(0)


def discard_stdout() -> None:
    """Nobody reads what is printed any more: from here on it is lost, and no error."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
