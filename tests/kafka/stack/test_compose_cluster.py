"""The brokers of compose.cluster.yaml, with its settings but on this machine: three that ask for a password."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Mapping
from io import StringIO
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from django.core.management import CommandError, call_command
from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from deploy.stack import StackUnavailable
from deploy.stack.folder import DataFolder
from deploy.stack.java import fetch_kafka_jars, find_java
from deploy.stack.kafka import KafkaCluster
from deploy.stack.ports import HOST, port_of
from deploy.stack.processes import stop_processes
from eventshop import env_validators
from tests.conftest import missing
from tests.support.processes import ROOT
from tests.support.waiting import DEADLINE_S

pytestmark = [pytest.mark.postgres, pytest.mark.long]

PASSWORDS: Final = {"KAFKA_PASSWORD": "shop-password", "KAFKA_BROKER_PASSWORD": "broker-password"}
NAMES: Final = {1: "kafka", 2: "kafka-2", 3: "kafka-3"}
#: What the image reads itself, or only the container.
NO_PROPERTIES: Final = {"KAFKA_HEAP_OPTS", "CLUSTER_ID", "CHECK_OPTIONS"}


def load(name: str) -> dict[str, Any]:
    text = (ROOT / name).read_text()
    for variable, value in PASSWORDS.items():
        text = re.sub(rf"\$\{{{variable}(:\?[^}}]*)?\}}", value, text)
    services: dict[str, Any] = yaml.safe_load(text)["services"]
    return services


class ComposedCluster(KafkaCluster):
    """The brokers as the two files describe them; only hosts, ports and folders are those of this machine."""

    def write_properties(self, number: int) -> Path:
        environment = load("compose.yaml")["kafka"]["environment"] | self.settings[NAMES[number]]["environment"]
        properties = {
            name.removeprefix("KAFKA_").lower().replace("_", "."): str(value)
            for name, value in environment.items()
            if name not in NO_PROPERTIES
        }
        properties["log.dirs"] = str(self._data_dir(number))
        controller = port_of(self.folder, f"kafka-{number}-controller")
        properties["listeners"] = f"CLIENT://{HOST}:{self.port(number)},CONTROLLER://{HOST}:{controller}"
        for name in ("advertised.listeners", "controller.quorum.voters"):
            properties[name] = self.localise(properties[name])
        path = self.folder.subfolder("kafka") / f"broker-{number}.properties"
        path.write_text("".join(f"{name}={value}\n" for name, value in properties.items()))
        return path

    @property
    def settings(self) -> dict[str, Any]:
        return load("compose.cluster.yaml")

    def localise(self, text: str) -> str:
        """The text with the addresses of this machine for those of the containers."""
        for number, name in NAMES.items():
            text = re.sub(rf"\b{name}:9092\b", f"{HOST}:{self.port(number)}", text)
            controller = port_of(self.folder, f"kafka-{number}-controller")
            text = re.sub(rf"\b{name}:9093\b", f"{HOST}:{controller}", text)
        return text

    def env(self) -> dict[str, str]:
        environment = self.settings["web"]["environment"]
        return {name: self.localise(str(value)) for name, value in environment.items()}

    def _is_serving(self, running: set[int], *, timeout_s: float) -> bool:
        try:
            with self.admin(self.env()["EVENT_LOG_URL"], timeout_s) as admin:
                return {broker["broker_id"] for broker in admin.describe_cluster()["brokers"]} == running
        except KafkaError:
            return False

    def admin(self, url: str, timeout_s: float = DEADLINE_S) -> Any:
        options = env_validators.kafka_options("EVENT_LOG_URL", url)
        return KafkaAdminClient(**options, request_timeout_ms=int(timeout_s * 1_000))


@pytest.fixture
def cluster() -> Iterator[ComposedCluster]:
    try:
        find_java(), fetch_kafka_jars()
    except StackUnavailable as error:
        missing(str(error))
    with tempfile.TemporaryDirectory(prefix="cluster-", ignore_cleanup_errors=True) as home:
        brokers = ComposedCluster(DataFolder(Path(home)), brokers=3)
        brokers.choose_ports()
        try:
            brokers.start()
            yield brokers
        finally:
            stop_processes(brokers.processes, immediately=True)


def create_topics(settings: Any, environment: Mapping[str, str]) -> None:
    """As `prepare` does it, with these settings."""
    settings.EVENT_LOG_URL = environment["EVENT_LOG_URL"]
    settings.KAFKA_OPTIONS = env_validators.kafka_options("EVENT_LOG_URL", settings.EVENT_LOG_URL)
    settings.KAFKA_REPLICATION_FACTOR = int(environment["KAFKA_REPLICATION_FACTOR"])
    settings.KAFKA_MIN_INSYNC_REPLICAS = int(environment["KAFKA_MIN_INSYNC_REPLICAS"])
    call_command("create_topics", stdout=StringIO())


@pytest.mark.usefixtures("clean_database")
def test_three_brokers_hold_each_record_and_admit_only_who_knows_the_password(
    cluster: ComposedCluster, settings: Any
) -> None:
    environment = cluster.env()
    create_topics(settings, environment)
    with cluster.admin(environment["EVENT_LOG_URL"]) as admin:
        topics = {topic["name"]: topic for topic in admin.describe_topics()}
    assert {len(part["replica_nodes"]) for part in topics["event-store"]["partitions"]} == {3}

    url = environment["EVENT_LOG_URL"]
    wrong = url.replace(PASSWORDS["KAFKA_PASSWORD"], "guessed")
    for refused in (wrong, url.partition("?")[0]):
        with pytest.raises(CommandError):
            create_topics(settings, environment | {"EVENT_LOG_URL": refused})
