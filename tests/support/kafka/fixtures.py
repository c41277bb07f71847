"""A set of topics for each test, on a broker that all tests share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from socket import socket
from typing import Any
from uuid import uuid4

import pytest
from kafka.net.inet import KafkaNetSocket

from deploy.stack import Stack
from eventshop import env_validators
from eventshop.eventstore import store_epochs
from eventshop.messaging.kafka import clients, hanging_transactions, topics
from eventshop.projections.projection import projection_registry


class KafkaPythonSocket(socket):
    """A socket of kafka-python, by the name of this class for the filter of warnings in pyproject.toml."""


def _open_socket(self: KafkaNetSocket, family: int, kind: int, protocol: int) -> socket:
    return KafkaPythonSocket(family, kind, protocol)


KafkaNetSocket.socket = _open_socket

#: No client of a broker that runs fails on a busy machine before this time. Shorter than kafka-python allows at most.
MIN_TIMEOUT_S = 300


def create_fresh_topics(url: str, settings: Any) -> None:
    """Create topics under a unique prefix, but none of projections, and configure this process to use them."""
    settings.KAFKA_MIN_TIMEOUT_S = MIN_TIMEOUT_S
    settings.EVENT_LOG_URL = url
    settings.KAFKA_OPTIONS = env_validators.kafka_options("EVENT_LOG_URL", url)
    settings.KAFKA_TOPIC_PREFIX = f"test-{uuid4().hex[:8]}-"
    topics.ensure_topics(topics.topic_specs([]))


def process_env(database_url: str, settings: Any) -> dict[str, str]:
    """The environment in which a child process uses the same database and topics."""
    return {
        "KAFKA_MIN_TIMEOUT_S": str(settings.KAFKA_MIN_TIMEOUT_S),
        "DATABASE_URL": database_url,
        "EVENT_LOG_URL": settings.EVENT_LOG_URL,
        "KAFKA_TOPIC_PREFIX": settings.KAFKA_TOPIC_PREFIX,
        "ENV_FILE": "",
        "SECRET_KEY": settings.SECRET_KEY,
    }


@pytest.fixture
def kafka_topics(kafka_url: str, clean_database: None, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Create topics for this test; return the broker's URL."""
    create_fresh_topics(kafka_url, settings)
    # A leader in the test's own process does not give up because a busy broker makes its records visible late.
    monkeypatch.setattr(hanging_transactions, "STALL_LIMIT_S", MIN_TIMEOUT_S)
    prefix = settings.KAFKA_TOPIC_PREFIX
    yield kafka_url
    # Each test creates dozens of partitions, and a broker with 400 MB of memory cannot hold ten thousand.
    settings.KAFKA_OPTIONS = env_validators.kafka_options("EVENT_LOG_URL", kafka_url)  # the test may have changed it
    settings.KAFKA_MIN_TIMEOUT_S = MIN_TIMEOUT_S
    with clients.open_admin_client() as admin:
        admin.delete_topics([name for name in admin.list_topics() if name.startswith(prefix)])


@pytest.fixture
def create_topics(three_brokers: Stack, clean_database: None, settings: Any) -> Iterator[Callable[[int], str]]:
    """Creates topics on three brokers with as many replicas, and expects three; returns the brokers' URL."""

    def create(replicas: int) -> str:
        settings.KAFKA_REPLICATION_FACTOR, settings.KAFKA_MIN_INSYNC_REPLICAS = replicas, min(replicas, 2)
        settings.DIVERGENCE_CHECK_S = 3_600  # no reader of this process notices a fault by itself
        create_fresh_topics(three_brokers.env["EVENT_LOG_URL"], settings)
        settings.KAFKA_REPLICATION_FACTOR, settings.KAFKA_MIN_INSYNC_REPLICAS = 3, 2
        return three_brokers.env["EVENT_LOG_URL"]

    yield create
    store_epochs.clear_divergence()


@pytest.fixture
def projection_topics(kafka_topics: str) -> None:
    """The topics too on which read models are published: three quarters of all partitions, which few tests need."""
    topics.ensure_topics(topics.topic_specs(projection.topic for projection in projection_registry.select([])))


@pytest.fixture
def kafka_process_env(kafka_topics: str, database_url: str, settings: Any) -> dict[str, str]:
    return process_env(database_url, settings)
