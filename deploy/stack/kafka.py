"""Kafka in KRaft mode: one broker, or three with replication factor 3. Each broker is also a controller."""

from __future__ import annotations

import base64
import contextlib
import logging
import os
import subprocess
import uuid
from collections.abc import Iterable, Iterator
from itertools import chain, repeat
from pathlib import Path

from kafka import KafkaAdminClient, KafkaProducer
from kafka.errors import KafkaError, TopicAlreadyExistsError

from deploy.stack.errors import StackError
from deploy.stack.folder import DataFolder
from deploy.stack.java import fetch_kafka_jars, find_java
from deploy.stack.ports import HOST, accepts_connections, port_of, require_free
from deploy.stack.processes import STOP_TIMEOUT_S, Process, is_paused, wait_until_ready

#: How long the requests of one readiness check may take. Short at first: a request that a killed broker does not answer
#: then goes to another one soon. Longer later: on a busy machine a short limit would fail every check.
CHECK_TIMEOUTS_S = (5.0, 5.0, 10.0, 20.0, 40.0, 80.0)
HEAP_SIZE = "384m"
#: The topic of a test transaction, whose commit shows that the brokers are ready.
READY_TOPIC = "stack-ready"
LOG4J_PROPERTIES = """\
rootLogger.level = warn
rootLogger.appenderRef.console.ref = console
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d %p %c{1}: %m%n
"""


class KafkaCluster:
    """The brokers, numbered from 1 like their Kafka node ids."""

    def __init__(self, folder: DataFolder, *, brokers: int = 1) -> None:
        if brokers not in (1, 3):
            raise StackError(f"BROKERS must be 1 or 3, not {brokers}")
        if (before := folder.get_value("brokers")) not in (None, brokers):
            raise StackError(
                f"the data in {folder.path} belongs to BROKERS={before}; use another STACK_DIR for BROKERS={brokers}"
            )
        self.folder = folder
        self.count = brokers
        # The last of three brokers would wait for a quorum that no longer exists; killing it loses no record.
        patience_s = 5.0 if brokers > 1 else STOP_TIMEOUT_S
        self.brokers = {
            number: Process(f"kafka-{number}", folder, stop_timeout_s=patience_s) for number in range(1, brokers + 1)
        }
        self.processes = list(self.brokers.values())

    @property
    def bootstrap(self) -> list[str]:
        """The bootstrap servers, as `host:port`."""
        return [f"{HOST}:{self.port(number)}" for number in self.brokers]

    def port(self, number: int) -> int:
        return port_of(self.folder, f"kafka-{number}")

    def choose_ports(self) -> None:
        """Choose the ports that have not been chosen yet."""
        for number in self.brokers:
            port_of(self.folder, f"kafka-{number}")
            port_of(self.folder, f"kafka-{number}-controller")

    def env(self) -> dict[str, str]:
        """Settings that connect a program to the cluster."""
        return {
            "EVENT_LOG_URL": f"kafka://{','.join(self.bootstrap)}",
            "KAFKA_REPLICATION_FACTOR": str(self.count),
            "KAFKA_MIN_INSYNC_REPLICAS": str(max(1, self.count - 1)),
        }

    def start(self) -> None:
        """Start the brokers that are not running, and wait until all are ready."""
        self.folder.set_value("brokers", self.count)
        for number in self._stopped_brokers():
            for name in (f"kafka-{number}", f"kafka-{number}-controller"):
                require_free(self.folder, name, port_of(self.folder, name))
        if stopped := self._stopped_brokers():
            program, jars = find_java(), fetch_kafka_jars()
            self._format_storage(program, jars, stopped)
            for number in stopped:
                self._start_process(program, jars, number)
        self.wait_until_ready()

    def start_broker(self, number: int) -> None:
        """Restart one broker and wait until its replicas are in sync."""
        self._start_process(find_java(), fetch_kafka_jars(), number)
        self.wait_until_ready()

    def wait_until_ready(self) -> None:
        """Wait until the replicas of every running, unpaused broker are in sync and a transaction commits."""
        running = [number for number, process in self.brokers.items() if process.pid and not is_paused(process.pid)]
        timeouts = chain(CHECK_TIMEOUTS_S, repeat(CHECK_TIMEOUTS_S[-1]))
        with _silence_client_log():
            wait_until_ready(
                [self.brokers[number] for number in running] or self.processes,
                lambda: self._is_listening(running) and self._is_serving(set(running), timeout_s=next(timeouts)),
            )

    def _stopped_brokers(self) -> list[int]:
        return [number for number, process in self.brokers.items() if process.pid is None]

    def _is_listening(self, running: Iterable[int]) -> bool:
        return all(accepts_connections(self.port(number)) for number in running)

    def _is_serving(self, running: set[int], *, timeout_s: float) -> bool:
        servers = [f"{HOST}:{self.port(number)}" for number in sorted(running)]
        try:
            return (
                self._all_registered(servers, running, timeout_s)
                and _commit_transaction(servers, timeout_s)
                and _replicas_in_sync(servers, running, timeout_s)
            )
        except KafkaError:
            return False

    def _all_registered(self, servers: list[str], running: set[int], timeout_s: float) -> bool:
        with _open_admin_client(servers, timeout_s) as admin:
            if not running <= {broker["broker_id"] for broker in admin.describe_cluster()["brokers"]}:
                return False
            with contextlib.suppress(TopicAlreadyExistsError):
                topic = {"num_partitions": 1, "replication_factor": self.count, "configs": {"retention.ms": "3600000"}}
                admin.create_topics({READY_TOPIC: topic}, wait_for_metadata=True)
            return True

    def _start_process(self, program: Path, jars: Path, number: int) -> None:
        options = [
            f"-Xmx{HEAP_SIZE}",
            # Files that Kafka unpacks there remain when it is killed.
            f"-Djava.io.tmpdir={self.folder.subfolder('kafka/tmp')}",
            "-XX:-UsePerfData",
            f"-Dlog4j2.configurationFile={self.folder.path / 'kafka' / 'log4j2.properties'}",
        ]
        self.brokers[number].start(
            [program, *options, "-cp", f"{jars}/*", "kafka.Kafka", self.write_properties(number)],
            env={name: value for name, value in os.environ.items() if not name.startswith("KAFKA_")},
        )

    def _format_storage(self, program: Path, jars: Path, numbers: list[int]) -> None:
        """Format the storage folders of brokers that have none yet."""
        cluster = self.folder.get_or_create("cluster_id", _new_cluster_id)
        (self.folder.subfolder("kafka") / "log4j2.properties").write_text(LOG4J_PROPERTIES)
        tool = [str(program), "-XX:TieredStopAtLevel=1", "-cp", f"{jars}/*", "kafka.tools.StorageTool"]
        formatters = [
            subprocess.Popen(
                [*tool, "format", "-t", cluster, "-c", str(self.write_properties(number))],
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
            for number in numbers
            if not (self._data_dir(number) / "meta.properties").exists()
        ]
        results = [(one.communicate()[0], one.returncode) for one in formatters]
        for text, status in results:
            if status:
                raise StackError(f"Kafka's storage could not be formatted: {text.strip()[-500:]}")

    def _data_dir(self, number: int) -> Path:
        return self.folder.path / "kafka" / f"data-{number}"

    def write_properties(self, number: int) -> Path:
        """Write a broker's properties file with the ports of this start; return its path."""
        replicas, min_in_sync = self.count, max(1, self.count - 1)
        controllers = {other: port_of(self.folder, f"kafka-{other}-controller") for other in self.brokers}
        listener = f"PLAINTEXT://{HOST}:{self.port(number)}"
        settings: dict[str, object] = {
            "process.roles": "broker,controller",
            "node.id": number,
            "controller.quorum.voters": ",".join(f"{other}@{HOST}:{port}" for other, port in controllers.items()),
            "listeners": f"{listener},CONTROLLER://{HOST}:{controllers[number]}",
            "advertised.listeners": listener,
            "controller.listener.names": "CONTROLLER",
            "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
            "log.dirs": self._data_dir(number),
            "auto.create.topics.enable": "false",
            "default.replication.factor": replicas,
            "group.initial.rebalance.delay.ms": 0,
            "offsets.topic.num.partitions": 4,
            "offsets.topic.replication.factor": replicas,
            "transaction.state.log.num.partitions": 4,
            # The default is three, for which a single broker would wait for ever.
            "transaction.state.log.replication.factor": replicas,
            "transaction.state.log.min.isr": min_in_sync,
            "share.coordinator.state.topic.replication.factor": replicas,
            "share.coordinator.state.topic.min.isr": min_in_sync,
        }
        if self.count > 1:
            # A dead broker is replaced after three seconds instead of nine.
            settings |= {"broker.session.timeout.ms": 3000, "broker.heartbeat.interval.ms": 1000}
        path = self.folder.subfolder("kafka") / f"broker-{number}.properties"
        path.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
        return path


def _new_cluster_id() -> str:
    # As Kafka's own tool does; an id that starts with a dash would be read as an option.
    while (cluster_id := base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")).startswith("-"):
        pass
    return cluster_id


def _open_admin_client(servers: list[str], timeout_s: float) -> KafkaAdminClient:
    return KafkaAdminClient(bootstrap_servers=servers, request_timeout_ms=int(timeout_s * 1_000))


def _replicas_in_sync(servers: list[str], running: set[int], timeout_s: float) -> bool:
    """Whether all replicas on running brokers are in sync, so that another broker may fail without data loss."""
    with _open_admin_client(servers, timeout_s) as admin:
        partitions = [part for topic in admin.describe_topics() for part in topic["partitions"]]
        return all(running & set(part["replica_nodes"]) <= set(part["isr_nodes"]) for part in partitions)


def _commit_transaction(servers: list[str], timeout_s: float) -> bool:
    """Commit one record in a transaction: the last feature that becomes available after a start."""
    producer = KafkaProducer(
        bootstrap_servers=servers,
        transactional_id=READY_TOPIC,
        max_block_ms=int(timeout_s * 1_000),
        request_timeout_ms=int(timeout_s * 600),
    )
    try:
        producer.init_transactions()
        producer.begin_transaction()
        producer.send(READY_TOPIC, b"ready").get(timeout=timeout_s)
        producer.commit_transaction()
        return True
    finally:
        producer.close(timeout=2)


@contextlib.contextmanager
def _silence_client_log() -> Iterator[None]:
    """Silence the client's log: while brokers start, every failed attempt would print a warning."""
    logger = logging.getLogger("kafka")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(before)
