"""Processes that outlive their launcher: started, recognised and stopped by process id, each with its own log."""

from __future__ import annotations

import contextlib
import os
import pwd
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from deploy.stack.errors import StackError
from deploy.stack.folder import DataFolder

#: A log that is longer when its process starts is put aside first; one older log is kept.
MAX_LOG_BYTES = 5_000_000
#: How long a process may take to end by itself.
STOP_TIMEOUT_S = 15.0
POLL_INTERVAL_S = 0.02


class Process:
    """One process of the stack. Its pid file tells it from a later process that got the same number."""

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
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The process id while it runs; None when it is gone, also if the number is another program's now."""
        recorded = self.pid_record
        if recorded is not None and recorded[1] == process_identity(recorded[0]):
            return recorded[0]
        if self._child is not None:
            self._child.wait()  # it has ended: let the system forget it
            self._child = None
        return None

    @property
    def pid_record(self) -> tuple[int, str] | None:
        """What the pid file says, whether that process still runs or not."""
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
        """Start it; does nothing while it runs."""
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
                # A session of its own: neither Ctrl-C nor a closed terminal reaches it.
                start_new_session=True,
                user=user,
                group=pwd.getpwnam(user).pw_gid if user else None,
                extra_groups=[] if user else None,
            )
        self._record(self._child.pid)

    def record(self, pid: int) -> None:
        """Record a process that somebody else has started."""
        self._record(pid)

    def _record(self, pid: int) -> None:
        self.pid_file.parent.mkdir(parents=True, exist_ok=True)
        scratch = self.pid_file.with_suffix(".new")
        scratch.write_text(f"{pid} {process_identity(pid)}\n")
        scratch.replace(self.pid_file)

    def send_signal(self, sign: signal.Signals) -> bool:
        """Send a signal, if it runs; to its whole group where nothing else would end what it started."""
        pid = self.pid
        if pid is None:
            return False
        with contextlib.suppress(ProcessLookupError):
            if sign is signal.SIGKILL and os.getpgid(pid) == pid:
                os.killpg(pid, sign)
            else:
                os.kill(pid, sign)
        return True

    def remove_pid_file(self) -> None:
        """Remove the pid file of a process that is gone."""
        self.pid_file.unlink(missing_ok=True)

    def log_tail(self, lines: int = 5) -> str:
        """The end of its log, in one line."""
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return " | ".join(line.strip() for line in text.strip().splitlines()[-lines:]) or "it said nothing"


def stop_processes(processes: Sequence[Process], *, immediately: bool = False) -> list[str]:
    """Stop processes side by side, and harder those that do not end; returns the names of those that ran."""
    running = [process for process in processes if process.pid is not None]
    signals = {process: [*(process.kill_with if immediately else process.stop_with)] for process in running}
    next_signal_at = dict.fromkeys(running, 0.0)
    while remaining := [process for process in running if process.pid is not None]:
        for process in remaining:
            if time.monotonic() < next_signal_at[process]:
                continue
            if not signals[process]:
                raise StackError(f"{process.name} cannot be stopped (process {process.pid})")
            process.send_signal(signals[process].pop(0))
            process.send_signal(signal.SIGCONT)  # one that is paused hears nothing else
            next_signal_at[process] = time.monotonic() + process.stop_timeout_s
        time.sleep(POLL_INTERVAL_S)
    for process in processes:
        process.remove_pid_file()
    return [process.name for process in running]


def wait_for(condition: Callable[[], object], *, within_s: float) -> bool:
    """Wait for a condition; tells whether it came true in time."""
    deadline = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_INTERVAL_S)
    return True


def wait_until_ready(processes: Sequence[Process], ready: Callable[[], object], *, within_s: float) -> None:
    """Wait until servers are ready; raises StackError, with the end of the log, when one ends or takes too long."""

    def gone() -> Process | None:
        return next((process for process in processes if process.pid is None), None)

    if not wait_for(lambda: gone() or ready(), within_s=within_s):
        raise StackError(f"{processes[0].name} is not ready after {within_s:.0f} s: {processes[0].log_tail()}")
    if ended := gone():
        raise StackError(f"{ended.name} ended right after its start: {ended.log_tail()}")


def process_identity(pid: int) -> str | None:
    """What tells a process from every other that had or will have its number; None when there is no such process."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None if Path("/proc/self/stat").exists() else _start_time(pid)
    if fields[0] in "ZX":  # it has ended, and nobody has asked how
        return None
    return f"{Path('/proc/sys/kernel/random/boot_id').read_text().strip()}:{fields[19]}"


def is_paused(pid: int) -> bool:
    """Tell whether a process is stopped by SIGSTOP."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"
    return False


def _start_time(pid: int) -> str | None:
    """Systems without /proc."""
    result = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return result.stdout.strip() or None
