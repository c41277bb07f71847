"""Kafka without ZooKeeper: one broker, or three that keep every record three times. Each is its own controller."""

from __future__ import annotations

import base64
import contextlib
import logging
import os
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

from kafka import KafkaAdminClient, KafkaProducer
from kafka.errors import KafkaError, TopicAlreadyExistsError

from deploy.stack.errors import StackError
from deploy.stack.folder import Folder
from deploy.stack.java import java, kafka_jars
from deploy.stack.ports import HOST, answers, port_of, require_free
from deploy.stack.processes import PATIENCE_S, Process, is_paused, wait_until_ready

READY_S = 90.0
MEMORY = "384m"
#: The topic of the first transaction, which shows that the brokers are ready for more.
READY_TOPIC = "stack-ready"
LOGGING = """\
rootLogger.level = warn
rootLogger.appenderRef.console.ref = console
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d %p %c{1}: %m%n
"""


class KafkaCluster:
    """The brokers, numbered from 1 as Kafka knows them."""

    def __init__(self, folder: Folder, *, brokers: int = 1) -> None:
        if brokers not in (1, 3):
            raise StackError(f"BROKERS must be 1 or 3, not {brokers}")
        if (before := folder.recall("brokers")) not in (None, brokers):
            raise StackError(
                f"the data in {folder.path} is that of BROKERS={before}; use another STACK_DIR for {brokers}"
            )
        self.folder = folder
        self.count = brokers
        # The last of three would wait for ever for a majority that has gone before; a kill costs it no record.
        patience_s = 5.0 if brokers > 1 else PATIENCE_S
        self.brokers = {
            number: Process(f"kafka-{number}", folder, patience_s=patience_s) for number in range(1, brokers + 1)
        }
        self.processes = list(self.brokers.values())

    @property
    def bootstrap(self) -> list[str]:
        """Where clients begin, as `host:port`."""
        return [f"{HOST}:{self.port(number)}" for number in self.brokers]

    def port(self, number: int) -> int:
        return port_of(self.folder, f"kafka-{number}")

    def choose_ports(self) -> None:
        """Choose every port that has none yet."""
        for number in self.brokers:
            port_of(self.folder, f"kafka-{number}")
            port_of(self.folder, f"kafka-{number}-controller")

    def env(self) -> dict[str, str]:
        """Settings that point a program at it."""
        return {
            "EVENT_LOG_URL": f"kafka://{','.join(self.bootstrap)}",
            "KAFKA_REPLICATION_FACTOR": str(self.count),
            "KAFKA_MIN_INSYNC_REPLICAS": str(max(1, self.count - 1)),
        }

    def start(self) -> None:
        """Start the brokers that do not run, and wait until all answer and a transaction goes through."""
        self.folder.remember("brokers", self.count)
        for number in self._down():
            for name in (f"kafka-{number}", f"kafka-{number}-controller"):
                require_free(self.folder, name, port_of(self.folder, name))
        if down := self._down():
            program, jars = java(), kafka_jars()
            self._format(program, jars, down)
            for number in down:
                self._launch(program, jars, number)
        self.wait_until_ready()

    def start_broker(self, number: int) -> None:
        """Start one broker again and wait until it holds everything that the others hold."""
        self._launch(java(), kafka_jars(), number)
        self.wait_until_ready()

    def wait_until_ready(self) -> None:
        """Wait until every broker that runs and is awake has caught up, and a transaction goes through."""
        awake = [number for number, process in self.brokers.items() if process.pid and not is_paused(process.pid)]
        with _quiet_client():
            wait_until_ready(
                [self.brokers[number] for number in awake] or self.processes,
                lambda: self._serves(set(awake)),
                within_s=READY_S,
            )

    def _down(self) -> list[int]:
        return [number for number, process in self.brokers.items() if process.pid is None]

    def _serves(self, awake: set[int]) -> bool:
        if not all(answers(self.port(number)) for number in awake):
            return False
        servers = [f"{HOST}:{self.port(number)}" for number in sorted(awake)]
        try:
            return self._all_known(servers, awake) and _transaction(servers) and _in_sync(servers, awake)
        except KafkaError:
            return False

    def _all_known(self, servers: list[str], awake: set[int]) -> bool:
        admin = KafkaAdminClient(bootstrap_servers=servers, request_timeout_ms=5_000)
        try:
            if not awake <= {broker["broker_id"] for broker in admin.describe_cluster()["brokers"]}:
                return False
            with contextlib.suppress(TopicAlreadyExistsError):
                topic = {"num_partitions": 1, "replication_factor": self.count, "configs": {"retention.ms": "3600000"}}
                admin.create_topics({READY_TOPIC: topic}, wait_for_metadata=True)
            return True
        finally:
            admin.close()

    def _launch(self, program: Path, jars: Path, number: int) -> None:
        options = [
            f"-Xmx{MEMORY}",
            # What it unpacks there stays behind when it is killed.
            f"-Djava.io.tmpdir={self.folder.sub('kafka/tmp')}",
            "-XX:-UsePerfData",
            f"-Dlog4j2.configurationFile={self.folder.path / 'kafka' / 'log4j2.properties'}",
        ]
        self.brokers[number].start(
            [program, *options, "-cp", f"{jars}/*", "kafka.Kafka", self.properties(number)],
            env={name: value for name, value in os.environ.items() if not name.startswith("KAFKA_")},
        )

    def _format(self, program: Path, jars: Path, numbers: list[int]) -> None:
        """Make the folders of brokers that have none yet."""
        cluster = self.folder.remembered("cluster_id", _cluster_id)
        (self.folder.sub("kafka") / "log4j2.properties").write_text(LOGGING)
        tool = [str(program), "-XX:TieredStopAtLevel=1", "-cp", f"{jars}/*", "kafka.tools.StorageTool"]
        at_work = [
            subprocess.Popen(
                [*tool, "format", "-t", cluster, "-c", str(self.properties(number))],
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
            for number in numbers
            if not (self._data(number) / "meta.properties").exists()
        ]
        told = [(one.communicate()[0], one.returncode) for one in at_work]
        for text, status in told:
            if status:
                raise StackError(f"Kafka's storage could not be made: {text.strip()[-500:]}")

    def _data(self, number: int) -> Path:
        return self.folder.path / "kafka" / f"data-{number}"

    def properties(self, number: int) -> Path:
        """Write a broker's settings anew: the ports in them are this start's."""
        copies, enough = self.count, max(1, self.count - 1)
        controllers = {other: port_of(self.folder, f"kafka-{other}-controller") for other in self.brokers}
        here = f"PLAINTEXT://{HOST}:{self.port(number)}"
        settings: dict[str, object] = {
            "process.roles": "broker,controller",
            "node.id": number,
            "controller.quorum.voters": ",".join(f"{other}@{HOST}:{port}" for other, port in controllers.items()),
            "listeners": f"{here},CONTROLLER://{HOST}:{controllers[number]}",
            "advertised.listeners": here,
            "controller.listener.names": "CONTROLLER",
            "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
            "log.dirs": self._data(number),
            "auto.create.topics.enable": "false",
            "default.replication.factor": copies,
            "group.initial.rebalance.delay.ms": 0,
            "offsets.topic.num.partitions": 4,
            "offsets.topic.replication.factor": copies,
            "transaction.state.log.num.partitions": 4,
            # A single broker would wait for ever for the three that it asks for by default.
            "transaction.state.log.replication.factor": copies,
            "transaction.state.log.min.isr": enough,
            "share.coordinator.state.topic.replication.factor": copies,
            "share.coordinator.state.topic.min.isr": enough,
        }
        if self.count > 1:
            # The others take over from a dead broker after three seconds, not nine.
            settings |= {"broker.session.timeout.ms": 3000, "broker.heartbeat.interval.ms": 1000}
        path = self.folder.sub("kafka") / f"broker-{number}.properties"
        path.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
        return path


def _cluster_id() -> str:
    # As Kafka's own tool does it; one that began with a dash would be read as an option.
    while (made := base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")).startswith("-"):
        pass
    return made


def _in_sync(servers: list[str], awake: set[int]) -> bool:
    """Tell whether the next broker may fail without taking along what only it holds."""
    admin = KafkaAdminClient(bootstrap_servers=servers, request_timeout_ms=5_000)
    try:
        partitions = [part for topic in admin.describe_topics() for part in topic["partitions"]]
        return all(awake & set(part["replica_nodes"]) <= set(part["isr_nodes"]) for part in partitions)
    finally:
        admin.close()


def _transaction(servers: list[str]) -> bool:
    """Write one record in a transaction: the last thing that works after a start."""
    # Impatient: what a broker that was killed does not answer any more is asked of another one.
    producer = KafkaProducer(
        bootstrap_servers=servers, transactional_id=READY_TOPIC, max_block_ms=5_000, request_timeout_ms=3_000
    )
    try:
        producer.init_transactions()
        producer.begin_transaction()
        producer.send(READY_TOPIC, b"ready").get(timeout=5)
        producer.commit_transaction()
        return True
    finally:
        producer.close(timeout=2)


@contextlib.contextmanager
def _quiet_client() -> Iterator[None]:
    """While brokers start, every failed attempt would be a warning."""
    logger = logging.getLogger("kafka")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(before)
