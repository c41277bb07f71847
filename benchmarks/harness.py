"""Temporary databases and stacks, and measurements in separate processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import time_ns
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

import psycopg

from deploy.postgres import bin_dir, running_postgres
from deploy.stack.processes import stop_processes

ROOT = Path(__file__).resolve().parents[1]
KEY = "only-for-benchmarks-never-for-a-server-0123"


#: Environment variables that connect a process to the measured servers.
Environment = dict[str, str]


def process_environment(database_url: str, event_log_url: str = "database:") -> Environment:
    return {
        **os.environ,
        "DATABASE_URL": database_url,
        "SECRET_KEY": KEY,
        "ENV_FILE": "",
        "EVENT_LOG_URL": event_log_url,
        "CELERY_BROKER_URL": "memory://",
        "LOG_LEVEL": "ERROR",
        "DJANGO_SETTINGS_MODULE": "eventshop.settings",
    }


@contextmanager
def temporary_database(engine: str) -> Iterator[Environment]:
    """A fresh, migrated database: PostgreSQL 18 with fsync on, or a SQLite file."""
    with tempfile.TemporaryDirectory(prefix="eventshop-bench-", dir=os.environ.get("BENCH_DIR")) as folder:
        if engine == "SQLite":
            yield _migrate(process_environment(f"sqlite:///{folder}/bench.sqlite3"))
        else:
            with running_postgres() as url:
                yield _migrate(process_environment(url))


@contextmanager
def temporary_stack() -> Iterator[Environment]:
    """PostgreSQL 18 with fsync and commit timestamps on, and one Kafka broker with the topics created."""
    from deploy.stack import running_stack

    with running_stack(parts={"postgres", "kafka"}, durable=True) as stack:
        if stack.postgres:
            with psycopg.connect(stack.env["DATABASE_URL"], autocommit=True) as connection:
                connection.execute("ALTER SYSTEM SET track_commit_timestamp = on")
            stop_processes(stack.postgres.processes)
            stack.postgres.start()
        env = _migrate(process_environment(stack.env["DATABASE_URL"], stack.env["EVENT_LOG_URL"]))
        run_manage(env, "create_topics")
        yield env


def _migrate(env: Environment) -> Environment:
    run_manage(env, "migrate", "--verbosity", "0")
    return env


def run_manage(env: Environment, *arguments: str) -> str:
    return run_process([sys.executable, "manage.py", *arguments], env)


def measure(env: Environment, measurement: str, /, **arguments: Any) -> dict[str, float]:
    """Run one measurement in a separate process; return its result."""
    result: dict[str, float] = json.loads(run_measurement(env, measurement, **arguments))
    return result


def run_measurement(env: Environment, measurement: str, /, **arguments: Any) -> str:
    """Run one measurement in a separate process; return the last line of its output."""
    command = [sys.executable, "-m", "benchmarks.measurement_process", measurement, json.dumps(arguments)]
    return run_process(command, env).splitlines()[-1]


def run_pgbench(env: Environment, *, clients: int, seconds: float) -> float:
    """Events per second of the bare append with pgbench: one transaction per event, three events per stream."""
    parts = urlsplit(env["DATABASE_URL"])
    host = parse_qs(parts.query).get("host", [parts.hostname or ""])[0]
    output = run_process(
        [
            str(bin_dir() / "pgbench"),
            *("-n", "-M", "prepared", "-f", str(ROOT / "benchmarks" / "pgbench.sql")),
            *("-c", str(clients), "-j", str(min(clients, 2)), "-T", str(max(1, round(seconds)))),
            *("-D", "ticket=0", "-D", f"run={time_ns() // 10**7 % 10**9}"),
            *("-h", host, "-U", parts.username or "", parts.path.lstrip("/")),
        ],
        env,
    )
    [line] = [line for line in output.splitlines() if line.startswith("tps = ")]
    return float(line.split()[2]) * 3


class CommandUsage(NamedTuple):
    """What a command took."""

    seconds: float
    cpu_s: float
    memory_mb: float  # at its peak


def measure_command(env: Environment, *arguments: str) -> CommandUsage:
    """Run a management command and measure it."""
    code = (
        "import resource, subprocess, sys, time\n"
        "started = time.perf_counter()\n"
        "subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)\n"
        "used = resource.getrusage(resource.RUSAGE_CHILDREN)\n"
        "print(time.perf_counter() - started, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)\n"
    )
    output = run_process([sys.executable, "-c", code, sys.executable, "manage.py", *arguments], env)
    return CommandUsage(*map(float, output.split()))


def run_process(command: list[str], env: Environment) -> str:
    """Run a command; return its output. Exits with the output if the command fails."""
    result = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    if result.returncode:
        raise SystemExit(f"{' '.join(command)}\n{result.stdout}\n{result.stderr}")
    return result.stdout
