"""The servers of a stack, as tests, benchmarks and `up` start them."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import tempfile
from collections.abc import Collection, Iterator
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from pathlib import Path
from threading import Event

from deploy.stack.errors import StackError
from deploy.stack.folder import DataFolder
from deploy.stack.kafka import KafkaCluster
from deploy.stack.postgres import PostgresServer
from deploy.stack.processes import Process, stop_processes
from deploy.stack.redis import RedisServer

PARTS = frozenset({"postgres", "kafka", "redis"})
TEMP_PREFIX = "eventshop-stack-"


class Stack:
    """The servers of one data folder. Brokers are numbered from 1, as Kafka numbers them."""

    def __init__(
        self, data_dir: Path, *, parts: Collection[str] = PARTS, brokers: int = 1, durable: bool = True
    ) -> None:
        if unknown := set(parts) - PARTS:
            raise StackError(f"no such part: {', '.join(sorted(unknown))}; parts: {', '.join(sorted(PARTS))}")
        self.folder = DataFolder(data_dir)
        self.postgres = PostgresServer(self.folder, durable=durable) if "postgres" in parts else None
        self.kafka = KafkaCluster(self.folder, brokers=brokers) if "kafka" in parts else None
        self.redis = RedisServer(self.folder, durable=durable) if "redis" in parts else None
        self.servers = [server for server in (self.postgres, self.kafka, self.redis) if server is not None]

    @property
    def processes(self) -> list[Process]:
        return [process for server in self.servers for process in server.processes]

    @property
    def env(self) -> dict[str, str]:
        """Settings that connect EventShop to these servers."""
        return {name: value for server in self.servers for name, value in server.env().items()}

    def start(self) -> None:
        """Start the servers that are not running, in parallel, and wait until all are ready.

        Raises StackError as soon as one has failed; those that were started before go on running.
        """
        for server in self.servers:
            server.env()  # Chooses ports and passwords, one server after another.
        if self.kafka:
            self.kafka.choose_ports()
        abandoned = Event()
        for process in self.processes:
            process.abandoned = abandoned
        with ThreadPoolExecutor(max(1, len(self.servers))) as pool:
            starts = [pool.submit(server.start) for server in self.servers]
            done, _ = wait(starts, return_when=FIRST_EXCEPTION)
            failures = [error for start in done if (error := start.exception())]
            if failures:
                abandoned.set()
                raise failures[0]

    def stop(self, *, immediately: bool = False) -> list[str]:
        """Stop the servers; `immediately` only for temporary data. Returns the names of the processes that ran."""
        return stop_processes(self.processes, immediately=immediately)

    def leave_running(self) -> None:
        """Let the servers run on when this process ends: another one stops them."""
        for process in self.processes:
            process.leave_running()

    @property
    def kafka_bootstrap(self) -> str:
        """`host:port` of each broker, separated by commas."""
        return ",".join(self._cluster.bootstrap)

    @property
    def broker_count(self) -> str:
        """The number of brokers as text."""
        count = len(self._cluster.brokers)
        return f"{count} broker" if count == 1 else f"{count} brokers"

    @property
    def broker_pids(self) -> dict[int, int]:
        """Process ids of the running brokers, by number."""
        return {number: pid for number, process in self._cluster.brokers.items() if (pid := process.pid)}

    def kill_broker(self, number: int) -> None:
        """Kill a broker with SIGKILL, like a power failure."""
        stop_processes([self._cluster.brokers[number]], immediately=True)

    def stop_broker(self, number: int) -> None:
        """Stop a broker after it has handed over its partitions."""
        stop_processes([self._cluster.brokers[number]])

    def start_broker(self, number: int) -> None:
        """Restart a broker and wait until its replicas are in sync."""
        self._cluster.start_broker(number)

    def pause_broker(self, number: int) -> None:
        """Pause a broker with SIGSTOP: its connections stay open without an answer."""
        self._cluster.brokers[number].send_signal(signal.SIGSTOP)

    def resume_broker(self, number: int) -> None:
        """Resume a paused broker."""
        self._cluster.brokers[number].send_signal(signal.SIGCONT)

    @property
    def _cluster(self) -> KafkaCluster:
        if self.kafka is None:
            raise StackError("this stack was started without Kafka")
        return self.kafka


@contextlib.contextmanager
def running_stack(
    parts: Collection[str] = PARTS,
    *,
    brokers: int = 1,
    data_dir: Path | None = None,
    durable: bool | None = None,
) -> Iterator[Stack]:
    """Run servers for the duration of the block.

    Without `data_dir` they use a temporary folder and are not `durable`: faster, but a power failure loses data.
    Raises StackUnavailable if this machine lacks something, StackError if a start fails.
    """
    with _temporary_folder() if data_dir is None else contextlib.nullcontext(data_dir) as home:
        stack = Stack(home, parts=parts, brokers=brokers, durable=data_dir is not None if durable is None else durable)
        try:
            stack.start()
            yield stack
        finally:
            stack.stop(immediately=data_dir is None)


@contextlib.contextmanager
def _temporary_folder() -> Iterator[Path]:
    """A temporary folder. First removes the folders, and stops the servers, of killed processes."""
    for leftover in Path(tempfile.gettempdir()).glob(f"{TEMP_PREFIX}*"):
        _remove_leftover(leftover)
    home = Path(tempfile.mkdtemp(prefix=TEMP_PREFIX))
    home.chmod(0o711)  # PostgreSQL may run as another user, which must be able to enter.
    owner = Process("owner", DataFolder(home))
    owner.record(os.getpid())
    try:
        yield home
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _remove_leftover(path: Path) -> None:
    """Stop the servers and remove the folder of an owner that no longer runs."""
    folder = DataFolder(path)
    if Process("owner", folder).pid_record is None or Process("owner", folder).pid is not None:
        return
    with contextlib.suppress(StackError, OSError):
        stop_processes([Process(file.stem, folder) for file in (path / "run").glob("*.pid")], immediately=True)
        shutil.rmtree(path)
