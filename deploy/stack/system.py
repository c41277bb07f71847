"""The whole system: starts, stops and shows the servers and EventShop's processes."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from time import monotonic
from typing import NamedTuple

from rich.console import Console
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table

from deploy.local import ROOT, ensure_env, parse_port
from deploy.stack import app
from deploy.stack import reload as replacing
from deploy.stack.errors import StackError, WrongUse
from deploy.stack.folder import DataFolder
from deploy.stack.ports import HOST, accepts_connections, is_free
from deploy.stack.processes import Process, is_paused, stop_processes, wait_until_ready
from deploy.stack.stack import Stack

DEFAULT_PORT = "8000"
DEFAULT_WORKERS = 2


class PartStatus(NamedTuple):
    """The state of one process; `reason` has the last errors of its log where it does not work."""

    name: str
    state: str
    pid: int | None
    address: str
    reason: str

    @property
    def is_up(self) -> bool:
        return self.state == "running"


class System:
    """The system of one data folder. Options that are not given keep their previous values."""

    def __init__(self, folder: DataFolder, options: argparse.Namespace) -> None:
        self.folder = folder
        self.stack = Stack(folder.path, brokers=options.brokers or folder.get_value("brokers") or 1)
        self.workers = max(1, options.workers or folder.get_value("workers") or DEFAULT_WORKERS)
        self.port = parse_port(options.port or str(folder.get_value("web_port") or DEFAULT_PORT))
        self.supervisor = Process("supervisor", folder)
        self.console = Console()

    @property
    def processes(self) -> list[Process]:
        return [*self.stack.processes, self.supervisor, *app.processes(self.folder)]

    def env(self) -> dict[str, str]:
        """Settings that connect EventShop to the stack; raises StackError if it was never started."""
        if self.folder.get_value("ports") is None:
            raise StackError(
                f"no stack was started in {self.folder.path} yet. Start it with: python -m deploy.stack up"
            )
        return {**self.stack.env, **app.service_env(self.folder)}

    def up(self, *, services_only: bool) -> None:
        """Start the parts that are not running, wait until they are ready, and print their addresses."""
        web = Process("web", self.folder)
        if not services_only:
            self._require_port(web)
        started = monotonic()
        self.stack.start()
        self._print_progress(f"PostgreSQL, Kafka ({self.stack.broker_count}) and Redis are ready", since=started)
        if services_only:
            return
        login = ensure_env(ROOT / ".env")
        env = app.process_environment(self.folder, self.env())
        app.run_prepare(env)
        self._start_app(env, web)
        self._print_progress("EventShop is ready", since=started)
        password = os.environ.get("STAFF_PASSWORD") or login["STAFF_PASSWORD"]
        self.console.print(
            Panel.fit(
                f"[bold]EventShop[/]  http://{HOST}:{self.port}/\n"
                f"sign in as  [bold]staff[/]  with password  [bold]{password}[/]\n"
                "[dim]python -m deploy.stack status | env | logs | down[/]"
            ),
            highlight=False,
        )
        self.console.print(f"[dim]The data is in {self.folder.path}[/]", highlight=False, soft_wrap=True)

    def _require_port(self, web: Process) -> None:
        running = self.folder.get_value("web_port") if web.pid else None
        if running not in (None, self.port):
            raise StackError(
                f"EventShop already runs on port {running}. To change the port, first run: python -m deploy.stack down"
            )
        if running is None and not is_free(self.port):
            raise StackError(
                f"port {self.port} is in use by another program, or not allowed. Try another port: PORT=8001"
            )
        self.folder.set_value("web_port", self.port)

    def _start_app(self, env: dict[str, str], web: Process) -> None:
        self.folder.set_value("workers", self.workers)
        commands = app.program_commands(self.folder, port=self.port, workers=self.workers)
        # Stop an earlier supervisor, which may have other workers; this does not stop the processes themselves.
        stop_processes([self.supervisor])
        for process in app.processes(self.folder):
            if process.name not in commands:
                stop_processes([process])
        self.supervisor.start(
            [sys.executable, "-m", "deploy.stack.supervisor", self.folder.path, json.dumps(commands)], env=env, cwd=ROOT
        )
        wait_until_ready([self.supervisor], lambda: web.pid)
        wait_until_ready([self.supervisor, web], lambda: app.is_serving(self.port))

    def down(self) -> list[str]:
        """Stop everything in the order of dependencies; return the names of the processes that ran."""
        # The supervisor first, or it would restart the stopped processes.
        stopped = stop_processes([self.supervisor])
        return [*stopped, *stop_processes(app.processes(self.folder)), *self.stack.stop()]

    def is_down(self) -> bool:
        return all(process.pid is None for process in self.processes)

    def logs(self, parts: Sequence[str]) -> list[Path]:
        """Return the log files of the named parts: full names, or the part before the dash (`kafka`)."""
        processes = [
            process
            for process in self.processes
            if not parts or {process.name, process.name.split("-")[0]} & set(parts)
        ]
        if not processes:
            raise WrongUse(f"no such part: {', '.join(parts)}; parts: {', '.join(p.name for p in self.processes)}")
        return [process.log for process in processes]

    def status(self) -> list[PartStatus]:
        """The state of each process."""
        return [self._status_of(process) for process in self.processes]

    def _status_of(self, process: Process) -> PartStatus:
        port = self._port_of(process.name)
        state = _describe_state(process, port)
        reason = process.failure_reason() if state in ("ended", "not answering") else ""
        return PartStatus(process.name, state, process.pid, f"{HOST}:{port}" if port else "", reason)

    def print_status(self, parts: Sequence[PartStatus]) -> None:
        """Print the state and address of processes, and the last errors of those that do not work."""
        table = Table("part", "state", "process", "address", "the last errors in its log", box=None, pad_edge=False)
        for part in parts:
            table.add_row(part.name, part.state, str(part.pid or ""), part.address, escape(part.reason))
        self.console.print(table, highlight=False)

    def reload(self) -> None:
        """Replace EventShop's programs by those of the present code, one after the other; the servers go on."""
        web = Process("web", self.folder)
        if web.pid is None or self.supervisor.pid is None:
            raise StackError("EventShop is not running; start it with: python -m deploy.stack up")
        started = monotonic()
        env = app.process_environment(self.folder, self.env())
        app.run_prepare(env)
        self._start_app(env, web)  # another supervisor, with today's commands; what runs goes on
        programs = [process for process in app.processes(self.folder) if process.name != "web"]
        for process in sorted(programs, key=lambda process: not process.name.startswith("worker")):
            is_worker = process.name.startswith("worker")
            ready = partial(replacing.is_folding, env["DATABASE_URL"]) if is_worker else bool
            replacing.replace_program(process, self.supervisor, ready)
            self._print_progress(f"{process.name} was replaced", since=started)
        replacing.replace_web(web)
        self._print_progress("web was replaced", since=started)

    def _port_of(self, name: str) -> int | None:
        if name == "web":
            return int(self.folder.get_value("web_port") or 0) or None
        return (self.folder.get_value("ports") or {}).get(name)

    def _print_progress(self, text: str, *, since: float) -> None:
        self.console.print(f"{text} [dim](after {monotonic() - since:.1f} s)[/]", highlight=False)


def _describe_state(process: Process, port: int | None) -> str:
    pid = process.pid
    if pid is None:
        return "down" if process.pid_record is None else "ended"
    if is_paused(pid):
        return "paused"
    return "running" if port is None or accepts_connections(port) else "not answering"
