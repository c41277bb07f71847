"""Runs programs together and merges their output; when one exits, or on a stop signal, all are stopped."""

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

#: How long a program may take to exit after SIGTERM before it is killed.
STOP_TIMEOUT_S: Final = 5.0
POLL_INTERVAL_S: Final = 0.1
#: How long to wait for the last lines of a program that has ended. Only a process that it left behind delays them.
LAST_OUTPUT_TIMEOUT_S: Final = 5.0
STOP_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class ProcessGroup:
    """A group of programs, named as in a Procfile."""

    def __init__(self, programs: Mapping[str, str], *, env: Mapping[str, str], cwd: Path) -> None:
        self.programs, self.env, self.cwd = programs, env, cwd
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.stop_requested = False
        self._printer = Printer(sys.stdout, width=max(map(len, (*programs, "system"))))
        self._readers: list[Thread] = []
        self._print_lock = Lock()

    def run(self) -> int:
        """Run the programs until one exits or a stop signal arrives; return the exit status."""
        # Only sets a flag, so that a start or a printed line is completed first.
        handle_stop_signals(lambda *_: setattr(self, "stop_requested", True))
        try:
            for (name, command), colour in zip(self.programs.items(), get_colours(), strict=False):
                self._start(name, command, colour)
            while not self.stop_requested and is_stdout_open():
                ended = next(
                    ((name, process) for name, process in self.processes.items() if process.poll() is not None), None
                )
                if ended is not None:
                    name, process = ended
                    self.print_line("system", f"{name} exited (status {process.returncode})")
                    return abs(int(process.returncode))
                time.sleep(POLL_INTERVAL_S)
            return 0
        finally:
            self._stop()

    def print_line(self, name: str, line: str | bytes, colour: str | None = None) -> None:
        """Print a line of one program; request a stop if stdout is closed."""
        with self._print_lock:
            try:
                self._printer.write(Message(type="line", data=line, time=datetime.now(), name=name, colour=colour))
            except OSError:  # a closed pipe or terminal
                discard_stdout()
                self.stop_requested = True

    def _start(self, name: str, command: str, colour: str) -> None:
        program = subprocess.Popen(  # noqa: S602  (our own Procfile)
            f"exec {command}",  # SIGTERM must reach the program itself, not a shell around it
            shell=True,
            cwd=self.cwd,
            env=self.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C reaches it only once, through this process
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
            reader.join(LAST_OUTPUT_TIMEOUT_S)


def handle_stop_signals(handler: signal._HANDLER) -> None:
    """Install a handler for SIGINT, SIGTERM and SIGHUP; SIGHUP stays ignored under `nohup`."""
    for sign in STOP_SIGNALS:
        if sign is not signal.SIGHUP or signal.getsignal(sign) is not signal.SIG_IGN:
            signal.signal(sign, handler)


def raise_interrupt(*_: object) -> None:
    """Signal handler: raise KeyboardInterrupt, as Ctrl-C does."""
    raise KeyboardInterrupt


def is_stdout_open() -> bool:
    """Whether the reader of stdout is still there (after `| head` it may not be); prints nothing."""
    poll = select.poll()
    poll.register(sys.stdout, 0)
    return not poll.poll(0)


def discard_stdout() -> None:
    """Redirect stdout to /dev/null, so that further output raises no error."""
    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, sys.stdout.fileno())
    os.close(devnull)
