"""Databases to measure on, and measurements in processes of their own."""

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
from typing import Any
from urllib.parse import parse_qs, urlsplit

import psycopg

from deploy.postgres import bin_dir, running_postgres
from deploy.stack.processes import stop_processes

ROOT = Path(__file__).resolve().parents[1]
KEY = "only-for-benchmarks-never-for-a-server-0123"


#: What points a process at the servers that are measured.
Where = dict[str, str]


def environment(database_url: str, event_log_url: str = "database:") -> Where:
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
def database(engine: str) -> Iterator[Where]:
    """A fresh, migrated database: PostgreSQL 18 with fsync on, or a SQLite file."""
    with tempfile.TemporaryDirectory(prefix="eventshop-bench-", dir=os.environ.get("BENCH_DIR")) as folder:
        if engine == "SQLite":
            yield _migrated(environment(f"sqlite:///{folder}/bench.sqlite3"))
        else:
            with running_postgres() as url:
                yield _migrated(environment(url))


@contextmanager
def whole_stack() -> Iterator[Where]:
    """PostgreSQL 18 with fsync on, which keeps the time of each commit, and one Kafka broker, topics made."""
    from deploy.stack import running_stack

    with running_stack(parts={"postgres", "kafka"}, durable=True) as stack:
        if stack.postgres:
            with psycopg.connect(stack.env["DATABASE_URL"], autocommit=True) as connection:
                connection.execute("ALTER SYSTEM SET track_commit_timestamp = on")
            stop_processes(stack.postgres.processes)
            stack.postgres.start()
        where = _migrated(environment(stack.env["DATABASE_URL"], stack.env["EVENT_LOG_URL"]))
        manage(where, "create_topics")
        yield where


def _migrated(where: Where) -> Where:
    manage(where, "migrate", "--verbosity", "0")
    return where


def manage(where: Where, *arguments: str) -> str:
    return run([sys.executable, "manage.py", *arguments], where)


def measure(where: Where, measurement: str, /, **given: Any) -> dict[str, float]:
    """What one measurement gave, in a process of its own."""
    result: dict[str, float] = json.loads(run_child(where, measurement, **given))
    return result


def run_child(where: Where, measurement: str, /, **given: Any) -> str:
    """The last line of what it said."""
    return run([sys.executable, "-m", "benchmarks.child", measurement, json.dumps(given)], where).splitlines()[-1]


def pgbench(where: Where, *, clients: int, seconds: float) -> float:
    """Events a second of the bare insert, each a transaction; three make a stream."""
    parts = urlsplit(where["DATABASE_URL"])
    host = parse_qs(parts.query).get("host", [parts.hostname or ""])[0]
    said = run(
        [
            str(bin_dir() / "pgbench"),
            *("-n", "-M", "prepared", "-f", str(ROOT / "benchmarks" / "pgbench.sql")),
            *("-c", str(clients), "-j", str(min(clients, 2)), "-T", str(max(1, round(seconds)))),
            *("-D", "ticket=0", "-D", f"run={time_ns() // 10**7 % 10**9}"),
            *("-h", host, "-U", parts.username or "", parts.path.lstrip("/")),
        ],
        where,
    )
    [line] = [line for line in said.splitlines() if line.startswith("tps = ")]
    return float(line.split()[2]) * 3


def peak_memory_mb(where: Where, *arguments: str) -> tuple[float, float]:
    """Seconds and peak memory of a management command."""
    code = (
        "import resource, subprocess, sys, time\n"
        "started = time.perf_counter()\n"
        "subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)\n"
        "used = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024\n"
        "print(time.perf_counter() - started, used)\n"
    )
    said = run([sys.executable, "-c", code, sys.executable, "manage.py", *arguments], where)
    seconds, used = said.split()
    return float(seconds), float(used)


def run(command: list[str], where: Where) -> str:
    done = subprocess.run(command, cwd=ROOT, env=where, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\n{done.stdout}\n{done.stderr}")
    return done.stdout
