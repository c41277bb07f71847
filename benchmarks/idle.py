"""What the system costs with nothing to do: processor time, connections, threads and memory of each process."""

from __future__ import annotations

import argparse
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Final, NamedTuple

import psutil
from rich.table import Table

from benchmarks.harness import KEY, ROOT
from benchmarks.report import console, target_verdict
from deploy.stack.folder import DataFolder
from deploy.stack.ports import port_of
from deploy.stack.processes import Process

#: The system counts as idle after its processes have used less than this share of a core for so many seconds.
QUIET_SHARE: Final = 0.25
QUIET_S: Final = 10
#: It is measured all the same when it has not become quiet within this time.
MAX_WAIT_S: Final = 180
MEASURE_S: Final = 60


class Usage(NamedTuple):
    """What a process and its children use."""

    cpu_s: float
    threads: int
    memory_mb: float  # proportional set size
    connections: dict[str, int]  # TCP connections by the name of the server


def idle(options: argparse.Namespace) -> None:
    """The whole stack with demo data and two workers, then `make run`, each a minute after it has become quiet."""
    stack_table = _measure_stack()
    local_table = _measure_local()
    console.print(stack_table)
    console.print(local_table)


def _measure_stack() -> Table:
    table = Table("stack", "CPU of a core", "PostgreSQL", "Kafka", "threads", "memory", "target")
    with running_program() as folder:
        pids = stack_pids(folder)
        ports = {name: port_of(folder, name) for name in ("postgres", "kafka-1")}
        _add_rows(table, pids, ports, {"worker": 0.02}, total_target=0.10)
    return table


def stack_pids(folder: DataFolder) -> dict[str, int]:
    """The process ids of everything that runs in a data folder, by name."""
    names = [path.stem for path in (folder.path / "run").glob("*.pid")]
    return {name: pid for name in names if (pid := Process(name, folder).pid)}


def _measure_local() -> Table:
    table = Table("make run", "CPU of a core", "PostgreSQL", "Kafka", "threads", "memory", "target")
    with _running_local() as root:
        pids = {_program_name(child): child.pid for child in root.children()} | {"make run": root.pid}
        _add_rows(table, pids, {}, {}, total_target=0.01)
    return table


def _add_rows(
    table: Table, pids: dict[str, int], ports: dict[str, int], targets: dict[str, float], *, total_target: float
) -> None:
    families = families_of(pids)
    _wait_until_quiet(families)
    before = {name: _cpu_s(family) for name, family in families.items()}
    started = monotonic()
    sleep(MEASURE_S)
    seconds = monotonic() - started
    total = 0.0
    for name, family in sorted(families.items()):
        after = _usage(family, ports)
        share = (after.cpu_s - before[name]) / seconds
        total += share
        target = next((limit for prefix, limit in targets.items() if name.startswith(prefix)), None)
        table.add_row(
            name,
            f"{share:.1%}",
            str(after.connections.get("postgres", "")),
            str(after.connections.get("kafka-1", "")),
            str(after.threads),
            f"{after.memory_mb:.0f} MB",
            f"{target_verdict(target, share)} {target:.0%}" if target else "",
        )
    table.add_row("all", f"{total:.1%}", "", "", "", "", f"{target_verdict(total_target, total)} {total_target:.0%}")


def _program_name(process: psutil.Process) -> str:
    """Its name in the Procfile, or as much of the command as tells it from the others."""
    command = " ".join(process.cmdline())
    return next((name for name in ("gateway", "worker", "beat", "gunicorn") if name in command), command[-60:])


def _wait_until_quiet(families: dict[str, list[psutil.Process]]) -> None:
    deadline = monotonic() + MAX_WAIT_S
    while monotonic() < deadline:
        before = sum(_cpu_s(family) for family in families.values())
        sleep(QUIET_S)
        if sum(_cpu_s(family) for family in families.values()) - before < QUIET_SHARE * QUIET_S:
            return


def families_of(pids: dict[str, int]) -> dict[str, list[psutil.Process]]:
    """Each process with its children, except those that have a name of their own."""
    families = {}
    for name, pid in pids.items():
        process = psutil.Process(pid)
        named = [child for child in process.children(recursive=True) if child.pid in pids.values()]
        below = {grandchild.pid for child in named for grandchild in (child, *child.children(recursive=True))}
        families[name] = [process, *(child for child in process.children(recursive=True) if child.pid not in below)]
    return families


def _cpu_s(family: list[psutil.Process]) -> float:
    times = [process.cpu_times() for process in family]
    return float(sum(each.user + each.system for each in times))


def _usage(family: list[psutil.Process], ports: dict[str, int]) -> Usage:
    connections = [
        name
        for process in family
        for connection in process.net_connections("tcp")
        for name, port in ports.items()
        if connection.raddr and connection.raddr.port == port and connection.status == psutil.CONN_ESTABLISHED
    ]
    return Usage(
        _cpu_s(family),
        sum(process.num_threads() for process in family),
        memory_mb(family),
        {name: connections.count(name) for name in ports},
    )


def memory_mb(family: list[psutil.Process]) -> float:
    """The proportional set size of a process and its children, in megabytes."""
    return float(sum(process.memory_full_info().pss for process in family)) / 2**20


@contextmanager
def running_program() -> Iterator[DataFolder]:
    """The whole stack with demo data, two workers and the web server, in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="eventshop-bench-") as home:
        Path(home).chmod(0o711)  # PostgreSQL may run as another user, which must be able to enter
        command = [sys.executable, "-m", "deploy.stack"]
        options = ["--dir", home, "--port", str(_free_port())]
        _run([*command, "up", *options])
        try:
            yield DataFolder(Path(home))
        finally:
            _run([*command, "down", "--dir", home])


@contextmanager
def _running_local() -> Iterator[psutil.Process]:
    """EventShop as `make run` starts it, in a clone of the last commit, so without its data."""
    with tempfile.TemporaryDirectory(prefix="eventshop-bench-") as home:
        subprocess.run(["git", "clone", "--quiet", ROOT, home], check=True)
        env = {**_environment(), "PORT": str(_free_port())}
        log = Path(home) / "run.log"
        with log.open("wb") as output:
            started = subprocess.Popen(
                [sys.executable, "-m", "deploy.local"], cwd=home, env=env, stdout=output, stderr=output
            )
        try:
            root = psutil.Process(started.pid)
            deadline = monotonic() + MAX_WAIT_S
            while len(root.children()) < 4:  # web, worker, beat and gateway; migrations run one after another before
                if started.poll() is not None or monotonic() > deadline:
                    raise SystemExit(log.read_text())
                sleep(0.5)
            yield root
        finally:
            started.terminate()
            started.wait()


def _environment() -> dict[str, str]:
    return {**os.environ, "STAFF_PASSWORD": "only-for-benchmarks", "SECRET_KEY": KEY, "LOG_LEVEL": "ERROR"}


def _run(command: list[str]) -> None:
    result = subprocess.run(command, cwd=ROOT, env=_environment(), capture_output=True, text=True, check=False)
    if result.returncode:
        raise SystemExit(f"{' '.join(command)}\n{result.stdout}\n{result.stderr}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
