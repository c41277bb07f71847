"""EventShop and its servers as `make stack` runs them, for tests that stop, kill and replace parts of it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from tempfile import mkdtemp
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import psycopg

from deploy.stack import Stack, StackUnavailable
from deploy.stack.folder import DataFolder
from deploy.stack.java import fetch_kafka_jars, find_java
from deploy.stack.processes import Process
from tests.conftest import missing
from tests.support.processes import ROOT
from tests.support.waiting import DEADLINE_S, wait_until


class Shop:
    """Servers and EventShop as `make stack` runs them, in a separate data folder."""

    def __init__(self, home: Path, *, brokers: int = 1, settings: Mapping[str, str] | None = None) -> None:
        self.folder = DataFolder(home)
        self.stack = Stack(home, brokers=brokers)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.env = {
            **os.environ,
            "STACK_DIR": str(home),
            "PORT": str(self.port),
            "BROKERS": str(brokers),
            "WORKERS": "2",
            "STAFF_PASSWORD": "correct horse battery",
        }
        #: What only the shop's own programs get, not the clients.
        self.settings = dict(settings or {})

    def run_stack(self, *arguments: str) -> str:
        return self._run([sys.executable, "-m", "deploy.stack", *arguments], {**self.env, **self.settings})

    def run_client(self, *arguments: str) -> str:
        return self.run_script("tests.support.kafka.order_client", *arguments)

    def run_script(self, module: str, *arguments: str) -> str:
        return self._run([sys.executable, "-m", module, *arguments], {**self.env, **self.stack.env})

    def run_manage(self, *arguments: str) -> str:
        return self._run([sys.executable, "manage.py", *arguments], {**self.env, **self.stack.env})

    def read_health(self) -> tuple[int, dict[str, bool], str | None]:
        """The response of /readyz: its status, the health of each part, and Retry-After."""
        try:
            with urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=DEADLINE_S) as answer:
                return answer.status, _parts(json.load(answer)), answer.headers["Retry-After"]
        except HTTPError as error:
            return error.code, _parts(json.load(error)), error.headers["Retry-After"]
        except OSError:  # The web server is stopped or starting.
            return 0, {}, None

    def is_healthy(self) -> bool:
        status, parts, _ = self.read_health()
        return status == 200 and all(parts.values())

    def describe_health(self) -> str:
        """What staff see of each part, and the last lines of each program's log."""
        command = [sys.executable, "manage.py", "health", "--json"]
        health = subprocess.run(
            command, cwd=ROOT, env={**self.env, **self.stack.env}, capture_output=True, text=True, check=False
        )
        names = sorted(file.stem for file in (self.folder.path / "run").glob("*.pid"))
        logs = [f"{name}: {Process(name, self.folder).log_tail(20)}" for name in names]
        return "\n".join([health.stdout, health.stderr, *logs])

    def read_lag(self) -> dict[str, int]:
        """The number of unprocessed events of each projection that has any."""
        with psycopg.connect(self.stack.env["DATABASE_URL"]) as connection:
            rows = connection.execute(
                "SELECT projection, (SELECT count(*) FROM event) - sum(events) + (SELECT count(*) FROM "
                "projections_unreadablerecord AS skipped WHERE skipped.projection = projections_checkpoint.projection) "
                "FROM projections_checkpoint GROUP BY 1"  # a record of a stranger counts as an event there
            ).fetchall()
        return {name: int(behind) for name, behind in rows if behind}

    def count_commands(self, command_type: str) -> int:
        """How many commands of this type have been accepted."""
        with psycopg.connect(self.stack.env["DATABASE_URL"]) as connection:
            rows = connection.execute("SELECT count(*) FROM receipt WHERE command_type = %s", [command_type]).fetchall()
        return int(rows[0][0])

    def periodic_jobs_since(self, moment: datetime) -> int:
        """How many periodic jobs have ended since then."""
        with psycopg.connect(self.stack.env["DATABASE_URL"]) as connection:
            rows = connection.execute("SELECT name FROM ops_periodicwork WHERE finished_at > %s", [moment]).fetchall()
        return len(rows)

    def wait_until_caught_up(self) -> None:
        """Wait until no projection is behind; the error names those that are."""
        wait_until(lambda: not self.read_lag(), seen=self.read_lag)

    def pids(self, prefix: str) -> list[int]:
        files = (self.folder.path / "run").glob(f"{prefix}*.pid")
        return [pid for file in files if (pid := Process(file.stem, self.folder).pid)]

    def assert_nothing_is_lost(self) -> None:
        """Wait until all is healthy and caught up: table and topic agree, and every read model equals the fold."""
        self.wait_until_caught_up()
        wait_until(self.is_healthy, seen=self.describe_health)
        assert "agree" in self.run_manage("verify_log")
        assert self.run_client("check") == "the fold\n"

    def kill(self, prefix: str) -> None:
        for pid in self.pids(prefix):
            os.kill(pid, signal.SIGKILL)

    def _run(self, command: list[str], env: Mapping[str, str]) -> str:
        done = subprocess.run(
            command, cwd=ROOT, env=env, capture_output=True, text=True, check=False, timeout=DEADLINE_S
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        return done.stdout


def _parts(answer: Mapping[str, Any]) -> dict[str, bool]:
    return {part["name"]: part["ok"] for part in answer["parts"]}


@contextmanager
def running_shop(
    *, brokers: int = 1, settings: Mapping[str, str] | None = None, healthy: bool = True
) -> Iterator[Shop]:
    """A shop in a temporary folder; `settings` are for its programs only. Skips the test where there is no Java.

    `healthy=False`: it is not waited for until all is well, as what it was given at first makes it degraded.
    """
    try:
        find_java(), fetch_kafka_jars()
    except StackUnavailable as error:
        missing(str(error))
    home = Path(mkdtemp(prefix="shop-"))
    home.chmod(0o711)  # PostgreSQL may run as another user, which must be able to enter.
    shop = Shop(home, brokers=brokers, settings=settings)
    try:
        shop.run_stack("up")
        if healthy:
            wait_until(shop.is_healthy, seen=shop.describe_health)
        yield shop
    finally:
        shop.run_stack("down")
        shutil.rmtree(home, ignore_errors=True)
