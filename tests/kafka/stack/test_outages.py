"""The whole system with one part after the other stopped: no accepted command is lost, and everything catches up."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import mkdtemp
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import psycopg
import pytest

from deploy.stack import Stack, StackUnavailable
from deploy.stack.folder import DataFolder
from deploy.stack.java import fetch_kafka_jars, find_java
from deploy.stack.processes import Process, stop_processes
from tests.conftest import missing
from tests.support.processes import ROOT
from tests.support.waiting import DEADLINE_S, wait_until

#: Runs once, in the PostgreSQL session, like the other tests of this folder.
pytestmark = [pytest.mark.postgres, pytest.mark.chaos]


class Shop:
    """Servers and EventShop as `make stack` runs them, in a separate data folder."""

    def __init__(self, home: Path) -> None:
        self.folder = DataFolder(home)
        self.stack = Stack(home)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.env = {
            **os.environ,
            "STACK_DIR": str(home),
            "PORT": str(self.port),
            "WORKERS": "2",
            "STAFF_PASSWORD": "correct horse battery",
        }

    def run_stack(self, *arguments: str) -> str:
        return self._run([sys.executable, "-m", "deploy.stack", *arguments], self.env)

    def run_client(self, *arguments: str) -> str:
        return self._run(
            [sys.executable, "-m", "tests.support.kafka.order_client", *arguments], {**self.env, **self.stack.env}
        )

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

    def read_lag(self) -> dict[str, int]:
        """The number of unprocessed events of each projection that has any."""
        with psycopg.connect(self.stack.env["DATABASE_URL"]) as connection:
            rows = connection.execute(
                "SELECT projection, (SELECT count(*) FROM event) - sum(events) FROM projections_checkpoint GROUP BY 1"
            ).fetchall()
        return {name: int(behind) for name, behind in rows if behind}

    def wait_until_caught_up(self) -> None:
        """Wait until no projection is behind; the error names those that are."""
        wait_until(lambda: not self.read_lag(), seen=self.read_lag)

    def pids(self, prefix: str) -> list[int]:
        files = (self.folder.path / "run").glob(f"{prefix}*.pid")
        return [pid for file in files if (pid := Process(file.stem, self.folder).pid)]

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


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    try:
        find_java(), fetch_kafka_jars()
    except StackUnavailable as error:
        missing(str(error))
    home = Path(mkdtemp(prefix="outages-"))
    home.chmod(0o711)  # PostgreSQL may run as another user, which must be able to enter.
    shop = Shop(home)
    try:
        shop.run_stack("up")
        wait_until(shop.is_healthy, seen=shop.read_health)
        yield shop
    finally:
        shop.run_stack("down")
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(autouse=True)
def nothing_is_lost(shop: Shop) -> Iterator[None]:
    """After each test the system is healthy, table and topic agree, and every read model equals the fold."""
    yield
    shop.wait_until_caught_up()
    wait_until(shop.is_healthy, seen=shop.read_health)
    assert "agree" in shop.run_manage("verify_log")
    assert shop.run_client("check") == "the fold\n"


def test_without_kafka_commands_are_accepted(shop: Shop) -> None:
    assert shop.stack.kafka
    shop.stack.kill_broker(1)
    assert shop.run_client("20") == "20 accepted\n"
    wait_until(lambda: shop.read_health()[1].get("event log") is False, seen=shop.read_health)
    assert shop.read_health()[0] == 200
    assert min(shop.read_lag().values()) >= 40
    shop.run_stack("up", "--services-only")


@pytest.mark.long
def test_without_redis_read_models_are_kept_up(shop: Shop) -> None:
    assert shop.stack.redis
    stop_processes(shop.stack.redis.processes, immediately=True)
    assert shop.run_client("20") == "20 accepted\n"
    shop.wait_until_caught_up()
    wait_until(lambda: shop.read_health()[1].get("broker") is False, seen=shop.read_health)
    assert shop.read_health()[0] == 200
    shop.run_stack("up", "--services-only")


@pytest.mark.long
def test_without_workers_commands_are_accepted_and_lag_grows(shop: Shop) -> None:
    stop_processes([Process("supervisor", shop.folder)])  # It would restart them.
    for prefix in ("worker-", "relay", "publisher"):
        shop.kill(prefix)
    assert shop.run_client("20") == "20 accepted\n"
    assert min(shop.read_lag().values()) >= 40
    wait_until(
        lambda: shop.read_health()[1].get("projections") is False,
        seen=shop.read_health,
    )
    assert shop.read_health()[0] == 200
    assert shop.read_health()[1]["relay"] is False
    assert shop.read_health()[1]["publisher"] is False
    shop.run_stack("up")


@pytest.mark.long
def test_without_the_database_it_is_503_and_everybody_comes_back_by_themselves(shop: Shop) -> None:
    assert shop.stack.postgres
    shop.run_client("20")
    workers = shop.pids("worker-")
    stop_processes(shop.stack.postgres.processes, immediately=True)
    status, parts, retry_after = shop.read_health()
    assert (status, parts, retry_after) == (503, {"database": False}, "5")
    somebody = Request(f"http://127.0.0.1:{shop.port}/admin/", headers={"Cookie": "sessionid=somebodys"})
    with pytest.raises(HTTPError) as refused:
        urlopen(somebody, timeout=DEADLINE_S)
    assert (refused.value.code, refused.value.headers["Retry-After"] is not None) == (503, True)
    refused.value.close()
    shop.run_stack("up", "--services-only")
    assert shop.run_client("20") == "20 accepted\n"
    shop.wait_until_caught_up()
    assert shop.pids("worker-") == workers  # None of them was restarted.
