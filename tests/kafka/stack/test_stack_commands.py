"""The command line of the stack on real servers: up, down, status, logs, and crashes in between."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from socket import socket
from urllib.parse import urlsplit

import psycopg
import pytest
import redis
from kafka import KafkaProducer
from kafka.errors import KafkaError

from deploy.stack import StackUnavailable, running_stack
from deploy.stack.folder import DataFolder
from deploy.stack.java import fetch_kafka_jars, find_java
from deploy.stack.ports import port_of
from deploy.stack.processes import Process, process_identity
from tests.conftest import missing
from tests.support.kafka.plain_clients import open_admin
from tests.support.kafka.topic_reader import read_committed
from tests.support.processes import ROOT
from tests.support.waiting import DEADLINE_S, wait_until

#: Runs once, in the PostgreSQL session, like the other tests of this folder.
pytestmark = pytest.mark.postgres

NAMES = ("postgres", "kafka-1", "redis")


@pytest.fixture
def folder() -> Iterator[DataFolder]:
    """A data folder that other users may enter, as PostgreSQL must when root starts it."""
    try:
        find_java(), fetch_kafka_jars()
    except StackUnavailable as error:
        missing(str(error))
    with tempfile.TemporaryDirectory(prefix="stack-test-", ignore_cleanup_errors=True) as home:
        Path(home).chmod(0o711)
        try:
            yield DataFolder(Path(home))
        finally:
            run_stack(DataFolder(Path(home)), "down")


def run_stack(
    folder: DataFolder, *arguments: str, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        stack_command(*arguments),
        cwd=ROOT,
        env=stack_environment(folder, env),
        capture_output=True,
        text=True,
        check=False,
    )


def stack_command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "deploy.stack", *arguments]


def stack_environment(folder: DataFolder, env: Mapping[str, str] | None = None) -> dict[str, str]:
    return {**os.environ, "STACK_DIR": str(folder.path), **(env or {})}


def running_pids(folder: DataFolder) -> dict[str, int]:
    return {name: pid for name in NAMES if (pid := Process(name, folder).pid)}


def read_env(folder: DataFolder) -> dict[str, str]:
    result = run_stack(folder, "env")
    assert result.returncode == 0
    words = shlex.split(result.stdout)
    assert set(words[::2]) == {"export"}
    return dict(word.split("=", 1) for word in words[1::2])


def test_what_was_stored_outlives_a_stop_and_a_kill(folder: DataFolder) -> None:
    with subprocess.Popen(
        stack_command("up", "--services-only", "--foreground"),
        cwd=ROOT,
        env=stack_environment(folder),
        stdout=subprocess.PIPE,
        text=True,
    ) as launcher:
        assert launcher.stdout and launcher.stdout.readline()
        launcher.kill()  # what it has started runs on
    before, env = running_pids(folder), read_env(folder)
    assert set(before) == set(NAMES)
    with psycopg.connect(env["DATABASE_URL"]) as connection:
        assert connection.execute("SHOW server_version_num").fetchone() >= ("180000",)  # type: ignore[operator]
        connection.execute("CREATE TABLE kept AS SELECT 7 AS number")
    cache = redis.Redis.from_url(env["CACHE_URL"])
    cache.set("kept", "7")
    cache.close()

    # A second `up` changes nothing.
    assert run_stack(folder, "up", "--services-only").returncode == 0
    assert running_pids(folder) == before
    assert run_stack(folder, "status").returncode == 1  # EventShop does not run.

    # A broker and Redis are killed: `status` shows it, and `up` restarts only those.
    for name in ("kafka-1", "redis"):
        os.kill(before[name], signal.SIGKILL)
    wait_until(lambda: set(running_pids(folder)) == {"postgres"}, seen=lambda: running_pids(folder))
    assert "kafka-1     ended" in run_stack(folder, "status").stdout
    assert run_stack(folder, "up", "--services-only").returncode == 0
    assert running_pids(folder)["postgres"] == before["postgres"]
    assert set(running_pids(folder)) == set(NAMES)

    stopped = run_stack(folder, "down")
    assert stopped.stdout == "Stopped: postgres, kafka-1, redis.\n"
    assert (running_pids(folder), run_stack(folder, "down").stdout) == ({}, "Nothing was running.\n")
    with subprocess.Popen(
        stack_command("up", "--services-only", "--foreground"),
        cwd=ROOT,
        env=stack_environment(folder),
        stdout=subprocess.PIPE,
        text=True,
    ) as launcher:
        assert launcher.stdout
        try:
            assert launcher.stdout.readline() and set(running_pids(folder)) == set(NAMES)
            assert read_env(folder) == env
            assert_is_kept(env)
        finally:
            launcher.send_signal(signal.SIGINT)  # in the foreground, Ctrl-C stops everything
        said = launcher.stdout.read()
        assert all(name in said for name in NAMES)  # what it has stopped
    assert launcher.returncode == 0
    assert running_pids(folder) == {}


def assert_is_kept(env: dict[str, str]) -> None:
    with psycopg.connect(env["DATABASE_URL"]) as connection:
        assert connection.execute("SELECT number FROM kept").fetchone() == (7,)
    cache = redis.Redis.from_url(env["CACHE_URL"])
    assert cache.get("kept") == b"7"
    cache.close()
    admin = open_admin(env["EVENT_LOG_URL"])
    assert "stack-ready" in {topic["name"] for topic in admin.describe_topics()}
    admin.close()


def test_a_taken_port_ends_the_start_and_is_named(folder: DataFolder) -> None:
    with socket() as stranger:
        stranger.bind(("127.0.0.1", port_of(folder, "redis")))
        stranger.listen()
        result = run_stack(folder, "up", "--services-only")
    assert result.returncode == 1
    assert f"port {port_of(folder, 'redis')} of redis is in use" in result.stderr


def test_status_is_for_scripts(folder: DataFolder) -> None:
    never_started = run_stack(folder, "status", "--json")
    assert never_started.returncode == 1
    assert {part["state"] for part in json.loads(never_started.stdout)} == {"down"}
    # A program that has ended, as its stale pid file says: with the reason.
    process = Process("relay", folder)
    process.start([sys.executable, "-c", "raise ValueError('no such topic')"])
    wait_until(lambda: process.pid is None)
    [relay] = [part for part in json.loads(run_stack(folder, "status", "--json").stdout) if part["name"] == "relay"]
    assert (relay["state"], relay["pid"], relay["reason"]) == ("ended", None, "ValueError: no such topic")


@pytest.mark.parametrize(
    ("arguments", "env"),
    [(["status"], {"BROKERS": "2"}), (["status"], {"WORKERS": "x"}), (["status", "--colour"], {}), (["logs", "x"], {})],
    ids=["brokers", "workers", "option", "part"],
)
def test_wrong_use_has_a_status_of_its_own(folder: DataFolder, arguments: list[str], env: dict[str, str]) -> None:
    assert run_stack(folder, *arguments, env=env).returncode == 2


@pytest.mark.long  # as Ctrl-C at the end of the test above
@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_in_the_foreground_a_signal_stops_everything(folder: DataFolder, sign: signal.Signals) -> None:
    with subprocess.Popen(
        stack_command("up", "--services-only", "--foreground"),
        cwd=ROOT,
        env=stack_environment(folder),
        stdout=subprocess.PIPE,
        text=True,
    ) as launcher:
        assert launcher.stdout
        assert launcher.stdout.readline() and set(running_pids(folder)) == set(NAMES)
        launcher.send_signal(sign)
        said = launcher.stdout.read()
        assert all(name in said for name in NAMES)  # what it has stopped
    assert launcher.returncode == 0
    assert running_pids(folder) == {}


@pytest.mark.long  # as a signal does
def test_in_the_foreground_a_closed_output_stops_everything(folder: DataFolder) -> None:
    with subprocess.Popen(
        stack_command("up", "--services-only", "--foreground"),
        cwd=ROOT,
        env=stack_environment(folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as launcher:
        assert launcher.stdout and launcher.stderr
        assert launcher.stdout.readline() and set(running_pids(folder)) == set(NAMES)
        launcher.stdout.close()
        assert all("not ready" in line for line in launcher.stderr)  # what a slow start says
    assert launcher.returncode == 0
    assert running_pids(folder) == {}


def test_strangers_find_closed_doors() -> None:
    with running_stack({"postgres", "redis"}) as stack:
        wrong = urlsplit(stack.env["DATABASE_URL"])
        host, port, user = wrong.hostname, wrong.port, wrong.username
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(host=host, port=port, user=user, dbname="eventshop", password="guess")
        port = urlsplit(stack.env["CACHE_URL"]).port
        assert port
        with redis.Redis("127.0.0.1", port) as nobody, pytest.raises(redis.AuthenticationError):
            nobody.ping()


@pytest.mark.chaos
@pytest.mark.long
def test_three_brokers_keep_every_record_while_one_is_killed_and_one_is_frozen() -> None:
    with running_stack({"kafka"}, brokers=3) as cluster:
        admin = open_admin(cluster.kafka_bootstrap)
        replicated = {"num_partitions": 1, "replication_factor": 3, "configs": {"min.insync.replicas": "2"}}
        admin.create_topics({"numbers": replicated}, wait_for_metadata=True)
        [described] = admin.describe_topics(["numbers"])
        leader = described["partitions"][0]["leader_id"]
        admin.close()

        def count(numbers: range) -> None:
            for number in numbers:
                limit_s = 4.0
                while not commit_number(cluster.kafka_bootstrap, number, limit_s=limit_s):
                    limit_s = min(2 * limit_s, DEADLINE_S)

        count(range(8))
        cluster.kill_broker(leader)
        assert leader not in cluster.broker_pids
        count(range(8, 16))
        cluster.start_broker(leader)
        frozen = leader % 3 + 1
        cluster.pause_broker(frozen)
        cluster.resume_broker(frozen)
        count(range(16, 24))
        numbers = [int(record.value) for record in read_committed(cluster.env["EVENT_LOG_URL"], "numbers")]
        # A commit that timed out may have succeeded: its number then occurs twice.
        assert list(dict.fromkeys(numbers)) == [*range(24)]


def commit_number(servers: str, number: int, *, limit_s: float) -> bool:
    """Write a number in a transaction of its own; return whether the commit was confirmed."""
    producer = KafkaProducer(
        bootstrap_servers=servers,
        transactional_id="counting",
        max_block_ms=int(limit_s * 1_000),
        request_timeout_ms=int(min(limit_s, 200) * 500),
    )
    try:
        producer.init_transactions()
        producer.begin_transaction()
        producer.send("numbers", str(number).encode()).get(timeout=limit_s)
        producer.commit_transaction()
        return True
    except KafkaError:
        return False
    finally:
        producer.close(timeout=1)


def test_a_stack_that_a_killed_process_left_is_cleared_away() -> None:
    abandon = (
        "import os, signal; from deploy.stack import running_stack\n"
        "with running_stack({'redis'}) as stack:\n"
        "    print(stack.folder.path, stack.redis.process.pid, flush=True); os.kill(os.getpid(), signal.SIGKILL)"
    )
    output = subprocess.run(
        [sys.executable, "-c", abandon], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout
    left, pid = Path(output.split()[0]), int(output.split()[1])
    assert left.exists()
    assert process_identity(pid)
    with running_stack({"redis"}):
        assert not left.exists()
        assert process_identity(pid) is None
