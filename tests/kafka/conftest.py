"""One Kafka broker for all tests and all workers of pytest-xdist; what only few tests need, each has for itself."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import pytest

from deploy.stack import Stack, StackUnavailable, running_stack
from deploy.stack.processes import Process
from deploy.stack.stack import TEMP_PREFIX
from tests.conftest import missing

#: What other workers go on using. Python complains of a process that runs when nobody holds it any more.
STACKS_USED_BY_OTHERS: Final[list[Stack]] = []


@pytest.fixture(scope="session")
def stack(worker_id: str, testrun_uid: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The broker, thrown away at the end; `stack.env` points a program at it. Others use it too: do not stop it."""
    with ExitStack() as at_the_end:
        try:
            if worker_id == "master":  # no other worker
                started = at_the_end.enter_context(running_stack({"kafka"}))
            else:
                home = Path(tempfile.gettempdir()) / f"{TEMP_PREFIX}{testrun_uid}"
                lock = tmp_path_factory.getbasetemp().parent / "kafka.lock"
                started = at_the_end.enter_context(shared_stack(home, lock))
        except StackUnavailable as error:
            missing(str(error))
            raise
        yield started


@contextmanager
def shared_stack(home: Path, lock: Path) -> Iterator[Stack]:
    """The worker that needs it first starts it; the last one that is done with it stops it."""
    stack = Stack(home, parts={"kafka"}, durable=False)
    marker = stack.folder.subfolder("users") / str(os.getpid())
    with hold_lock(lock):
        # Whatever becomes of the workers: when this run is gone, the next one clears away what it left.
        Process("owner", stack.folder).record(os.getppid())
        stack.start()
        marker.touch()
    try:
        yield stack
    finally:
        with hold_lock(lock):
            marker.unlink()
            if any(marker.parent.iterdir()):
                STACKS_USED_BY_OTHERS.append(stack)
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
def redis_stack() -> Iterator[Stack]:
    """A Redis of this worker's own: tests look through all that lies in it."""
    yield from temporary_stack({"redis"})


@pytest.fixture(scope="module")
def own_broker() -> Iterator[Stack]:
    """A broker that a test may kill."""
    yield from temporary_stack({"kafka"})


def temporary_stack(parts: Collection[str]) -> Iterator[Stack]:
    with ExitStack() as at_the_end:
        try:
            started = at_the_end.enter_context(running_stack(parts))
        except StackUnavailable as error:
            missing(str(error))
            raise
        yield started
