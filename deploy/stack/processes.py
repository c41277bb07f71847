"""Processes that outlive their launcher: identified by a pid file, each with its own log."""

from __future__ import annotations

import contextlib
import os
import pwd
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from threading import Event
from typing import NamedTuple

from deploy.stack.errors import StackError
from deploy.stack.folder import DataFolder
from deploy.timeouts import KILL_TIMEOUT_S, START_TIMEOUT_S

#: A longer log is rotated when its process starts; one older log is kept.
MAX_LOG_BYTES = 5_000_000
#: How long a process may take to exit before the next, stronger signal.
STOP_TIMEOUT_S = 15.0
POLL_INTERVAL_S = 0.02
#: How often a start that takes long says so, and how often it looks for signs of life.
REPORT_INTERVAL_S = 10.0
LOOK_INTERVAL_S = 1.0
#: A process that uses more of a processor than this is working; an idle Java uses less.
BUSY_SHARE = 0.1
#: Lines of a log that say why a program has ended: the last line of a traceback, and what servers write.
_ERROR = re.compile(r"^[\w.]+(Error|Exception)\b|\b(FATAL|CRITICAL)\b|already in use")


class Process:
    """One process of the stack. Its pid file distinguishes it from a later process with the same id."""

    def __init__(
        self,
        name: str,
        folder: DataFolder,
        *,
        stop_with: Sequence[signal.Signals] = (signal.SIGTERM,),
        kill_with: signal.Signals = signal.SIGKILL,
        stop_timeout_s: float = STOP_TIMEOUT_S,
    ) -> None:
        self.name = name
        self.pid_file = folder.path / "run" / f"{name}.pid"
        self.log = folder.path / "log" / f"{name}.log"
        self.stop_with = (*stop_with, signal.SIGKILL)
        self.kill_with = (kill_with, signal.SIGKILL)
        self.stop_timeout_s = stop_timeout_s
        self.abandoned = Event()  # nobody waits for it any longer: another server has failed
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The process id while it runs; None after its end, also if another program has the same id now."""
        recorded = self.pid_record
        if recorded is not None and recorded[1] == process_identity(recorded[0]):
            return recorded[0]
        if self._child is not None:
            self._child.wait()  # Reap the ended child.
            self._child = None
        return None

    @property
    def pid_record(self) -> tuple[int, str] | None:
        """Process id and identity from the pid file, whether or not the process still runs."""
        try:
            pid, _, identity = self.pid_file.read_text().strip().partition(" ")
            return int(pid), identity
        except (FileNotFoundError, ValueError):
            return None

    def start(
        self,
        command: Sequence[str | Path],
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        user: str | None = None,
    ) -> None:
        """Start the process; does nothing if it runs."""
        if self.pid is not None:
            return
        for file in (self.pid_file, self.log):
            file.parent.mkdir(parents=True, exist_ok=True)
        if self.log.exists() and self.log.stat().st_size > MAX_LOG_BYTES:
            self.log.replace(self.log.with_suffix(".log.1"))
        with self.log.open("ab") as output:
            self._child = subprocess.Popen(
                [str(part) for part in command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=env,
                cwd="/" if user else cwd,
                # A separate session: neither Ctrl-C nor a closed terminal reaches the process.
                start_new_session=True,
                user=user,
                group=pwd.getpwnam(user).pw_gid if user else None,
                extra_groups=[] if user else None,
            )
        self._record(self._child.pid)

    def record(self, pid: int) -> None:
        """Record a process that this object has not started."""
        self._record(pid)

    def _record(self, pid: int) -> None:
        self.pid_file.parent.mkdir(parents=True, exist_ok=True)
        scratch = self.pid_file.with_suffix(".new")
        scratch.write_text(f"{pid} {process_identity(pid)}\n")
        scratch.replace(self.pid_file)

    def send_signal(self, sign: signal.Signals) -> bool:
        """Send a signal if the process runs; SIGKILL goes to its whole group, so that its children end too."""
        pid = self.pid
        if pid is None:
            return False
        with contextlib.suppress(ProcessLookupError):
            if sign is signal.SIGKILL and os.getpgid(pid) == pid:
                os.killpg(pid, sign)
            else:
                os.kill(pid, sign)
        return True

    def leave_running(self) -> None:
        """Somebody else stops the process; without this, Python warns at its end of a child that still runs."""
        if self._child is not None:
            self._child.returncode, self._child = 0, None

    def remove_pid_file(self) -> None:
        """Remove the pid file of a process that has ended."""
        self.pid_file.unlink(missing_ok=True)

    def log_tail(self, lines: int = 5) -> str:
        """The last lines of the log, joined to one line."""
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return " | ".join(line.strip() for line in text.strip().splitlines()[-lines:]) or "its log is empty"

    def failure_reason(self) -> str:
        """The last errors in the end of the log, or its last lines where there are none."""
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        lines = [line.strip() for line in text.strip().splitlines()[-200:]]
        return " | ".join([line for line in lines if _ERROR.search(line)][-3:]) or self.log_tail()


def stop_processes(processes: Sequence[Process], *, immediately: bool = False) -> list[str]:
    """Stop processes in parallel, with stronger signals after a time-out; return the names of those that ran."""
    running = [process for process in processes if process.pid is not None]
    signals = {process: [*(process.kill_with if immediately else process.stop_with)] for process in running}
    next_signal_at = dict.fromkeys(running, 0.0)
    while remaining := [process for process in running if process.pid is not None]:
        for process in remaining:
            if time.monotonic() < next_signal_at[process]:
                continue
            if not signals[process]:
                raise StackError(f"{process.name} cannot be stopped (process id {process.pid})")
            process.send_signal(signals[process].pop(0))
            process.send_signal(signal.SIGCONT)  # A paused process handles no other signal.
            patience_s = process.stop_timeout_s if signals[process] else KILL_TIMEOUT_S
            next_signal_at[process] = time.monotonic() + patience_s
        time.sleep(POLL_INTERVAL_S)
    for process in processes:
        process.remove_pid_file()
    return [process.name for process in running]


def wait_until_ready(
    processes: Sequence[Process], ready: Callable[[], object], *, stalled_s: float = START_TIMEOUT_S
) -> None:
    """Wait until servers are ready, as long as one of them works: it writes to its log, or uses the processor.

    Says every `REPORT_INTERVAL_S` what is slow. Raises StackError with the end of the log when one exits, when none
    has worked for `stalled_s`, and when the start was abandoned because another server has failed.
    """
    started = moved_at = reported_at = looked_at = time.monotonic()
    signs = _signs_of_life(processes)
    while True:
        if ended := next((process for process in processes if process.pid is None), None):
            raise StackError(f"{ended.name} ended right after its start: {ended.failure_reason()}")
        if ready():
            return
        now, name = time.monotonic(), " and ".join(process.name for process in processes)
        if any(process.abandoned.is_set() for process in processes):
            raise StackError(f"{name} was not awaited any longer")
        if now - looked_at >= LOOK_INTERVAL_S:
            before, signs = signs, _signs_of_life(processes)
            if signs.log_bytes != before.log_bytes or signs.cpu_s - before.cpu_s > BUSY_SHARE * (now - looked_at):
                moved_at = now
            looked_at = now
        if now - moved_at > stalled_s:
            raise StackError(
                f"{name} is not ready and has done nothing for {stalled_s:.0f} s: {processes[0].log_tail()}"
            )
        if now - reported_at >= REPORT_INTERVAL_S:
            reported_at = now
            print(
                f"{name}: not ready after {now - started:.0f} s: {processes[0].log_tail(1)}",
                file=sys.stderr,
                flush=True,
            )
        time.sleep(POLL_INTERVAL_S)


class _SignsOfLife(NamedTuple):
    log_bytes: int
    cpu_s: float


def _signs_of_life(processes: Sequence[Process]) -> _SignsOfLife:
    sizes = [process.log.stat().st_size for process in processes if process.log.exists()]
    return _SignsOfLife(sum(sizes), sum(_cpu_seconds(process.pid) for process in processes))


def _cpu_seconds(pid: int | None) -> float:
    """The processor time of a process; 0 where that cannot be seen."""
    with contextlib.suppress(OSError):
        fields = stat_fields(pid)
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return 0.0


def stat_fields(pid: int | str | None) -> list[str]:
    """The fields of `/proc/PID/stat` behind the program's name: state, parent, and so on. Raises OSError."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def process_identity(pid: int) -> str | None:
    """A text that identifies a process among all that ever have its id; None if there is no such process."""
    try:
        fields = stat_fields(pid)
    except (FileNotFoundError, ProcessLookupError):
        return None if Path("/proc/self/stat").exists() else _start_time(pid)
    if fields[0] in "ZX":  # A zombie: it has ended and was not reaped.
        return None
    return f"{Path('/proc/sys/kernel/random/boot_id').read_text().strip()}:{fields[19]}"


def is_paused(pid: int) -> bool:
    """Whether a process is stopped by SIGSTOP."""
    with contextlib.suppress(OSError):
        return stat_fields(pid)[0] == "T"
    return False


def _start_time(pid: int) -> str | None:
    """The start time of a process, on systems without /proc."""
    result = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return result.stdout.strip() or None
