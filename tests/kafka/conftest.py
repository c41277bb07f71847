"""One Kafka broker and one Redis for all workers of pytest-xdist, each started by the first test that uses it."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import redis

from deploy.stack import Stack, StackUnavailable, running_stack
from deploy.stack.processes import Process
from deploy.stack.stack import TEMP_PREFIX
from tests.conftest import missing


@pytest.fixture(scope="session")
def stack(request: pytest.FixtureRequest) -> Iterator[Stack]:
    """The broker, deleted at the end; `stack.env` connects a program to it. Other tests use it too: do not stop it."""
    yield from shared_server("kafka", request)


def shared_server(part: str, request: pytest.FixtureRequest) -> Iterator[Stack]:
    """One server for all workers of pytest-xdist."""
    with ExitStack() as at_the_end:
        try:
            if request.getfixturevalue("worker_id") == "master":  # no other worker
                started = at_the_end.enter_context(running_stack({part}))
            else:
                home = Path(tempfile.gettempdir()) / f"{TEMP_PREFIX}{request.getfixturevalue('testrun_uid')}-{part}"
                lock = request.getfixturevalue("tmp_path_factory").getbasetemp().parent / f"{part}.lock"
                started = at_the_end.enter_context(shared_stack(home, lock, part))
        except StackUnavailable as error:
            missing(str(error))
            raise
        yield started


@contextmanager
def shared_stack(home: Path, lock: Path, part: str) -> Iterator[Stack]:
    """The first worker that needs the server starts it; the last one stops it."""
    stack = Stack(home, parts={part}, durable=False)
    marker = stack.folder.subfolder("users") / str(os.getpid())
    with hold_lock(lock):
        # If this run is killed, the next one stops the server and removes the folder.
        Process("owner", stack.folder).record(os.getppid())
        stack.start()
        marker.touch()
    try:
        yield stack
    finally:
        with hold_lock(lock):
            marker.unlink()
            if any(marker.parent.iterdir()):
                stack.leave_running()
            else:
                stack.stop(immediately=True)
                shutil.rmtree(home, ignore_errors=True)


@contextmanager
def hold_lock(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@pytest.fixture(scope="session")
def kafka_url(stack: Stack) -> str:
    """The EVENT_LOG_URL of the broker."""
    return stack.env["EVENT_LOG_URL"]


@pytest.fixture(scope="session")
def redis_stack(request: pytest.FixtureRequest) -> Iterator[Stack]:
    """The Redis of all workers; `redis_env` has the databases of this one."""
    yield from shared_server("redis", request)


@pytest.fixture
def redis_env(redis_stack: Stack, worker_id: str) -> dict[str, str]:
    """Settings for two empty databases that only this worker uses: one for tasks, one for the cache."""
    first = 2 * int(worker_id.removeprefix("gw")) if worker_id != "master" else 0
    urls = {
        name: f"{redis_stack.env[name].rpartition('/')[0]}/{first + number}"
        for number, name in enumerate(("CELERY_BROKER_URL", "CACHE_URL"))
    }
    for url in urls.values():
        with redis.Redis.from_url(url) as client:
            client.flushdb()
    return urls


@pytest.fixture(scope="module")
def own_broker() -> Iterator[Stack]:
    """A broker that a test may kill."""
    try:
        with running_stack({"kafka"}) as started:
            yield started
    except StackUnavailable as error:
        missing(str(error))


@pytest.fixture(scope="module")
def three_brokers() -> Iterator[Stack]:
    """Three brokers that a test may kill."""
    try:
        with running_stack({"kafka"}, brokers=3) as started:
            yield started
    except StackUnavailable as error:
        missing(str(error))
