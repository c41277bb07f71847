"""Creates the kafka-python clients: producers, consumers and admin clients, configured by `EVENT_LOG_URL`.

Create a client where it is used, never at import and never before a fork: its sockets and threads do not survive one.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, Final

from django.conf import settings
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, OffsetAndMetadata, TopicPartition
from kafka.admin import AbortTransactionSpec
from kafka.errors import KafkaError, OffsetOutOfRangeError
from kafka.net.compat import KafkaNetClient

from eventshop.core.errors import EventShopError
from eventshop.messaging.kafka import client_metrics

__all__ = [
    "KafkaError",
    "KafkaUnavailable",
    "OffsetAndMetadata",
    "OffsetOutOfRangeError",
    "TopicPartition",
    "create_consumer",
    "create_producer",
    "end_transactions",
    "find_open_transactions",
    "open_admin_client",
    "timeout_s",
    "translate_errors",
]

log = logging.getLogger(__name__)

#: The broker's default limit for a whole batch. The record of an event (`event_records.MAX_RECORD_BYTES`) fits it.
MAX_MESSAGE_BYTES: Final = 1_048_576

#: The size up to which the batches of several partitions are sent in one request. Brokers accept 100 MiB.
MAX_REQUEST_BYTES: Final = 33_554_432

#: How long a reader that knows where to stop polls at a time, in ms. Short: a poll still waits for a record when the
#: reader has already passed the transaction markers at the end of a topic.
POLL_MS: Final = 20

#: By default the clients wait up to 30 s before they reconnect to a broker: too long once it is back.
_RECONNECT_OPTIONS: Final = {"reconnect_backoff_ms": 100, "reconnect_backoff_max_ms": 2_000}


class KafkaUnavailable(EventShopError):
    """Kafka does not answer."""

    code = "kafka-away"


def timeout_s(default: float) -> float:
    """Return a time limit for Kafka in seconds: the default, or the setting KAFKA_MIN_TIMEOUT_S if that is longer."""
    return max(default, float(settings.KAFKA_MIN_TIMEOUT_S))


def _timeout_ms(default_s: float) -> int:
    return int(timeout_s(default_s) * 1_000)


def _connection_options() -> dict[str, Any]:
    return {**_RECONNECT_OPTIONS, "bootstrap_timeout_ms": _timeout_ms(30), **settings.KAFKA_OPTIONS}


def _construct(client_class: type[Any], options: Mapping[str, Any]) -> Any:
    """Return a connected client. Raises `KafkaUnavailable`.

    A constructor of kafka-python that fails leaves its thread and its sockets behind; they are closed here.
    """
    with ExitStack() as on_failure, translate_errors():

        def open_network(**config: Any) -> KafkaNetClient:
            network = KafkaNetClient(**config)
            on_failure.callback(network.close)
            return network

        client = client_class(**_connection_options(), kafka_client=open_network, **options)
        on_failure.pop_all()
    if client_class in (KafkaProducer, KafkaConsumer):
        client_metrics.collector.watch(client)
    return client


def create_producer(transactional_id: str) -> Any:
    """Return a transactional producer tuned for many small transactions in a row."""
    delivery_ms = _timeout_ms(10)
    return _construct(
        KafkaProducer,
        {
            "transactional_id": transactional_id,
            "transaction_timeout_ms": delivery_ms * 3 // 2,
            "delivery_timeout_ms": delivery_ms,
            "request_timeout_ms": delivery_ms * 9 // 10,
            "max_block_ms": delivery_ms,
            "retry_backoff_ms": 2,
            "linger_ms": 0,
            "batch_size": 262_144,
            "compression_type": "lz4",
            "max_request_size": MAX_REQUEST_BYTES,
        },
    )


def create_consumer(*, request_timeout_s: float = 30.0, **options: Any) -> Any:
    """Return a consumer that reads committed records only, and neither commits nor resets offsets by itself."""
    consumer = _construct(
        KafkaConsumer,
        {
            "enable_auto_commit": False,
            "isolation_level": "read_committed",
            "auto_offset_reset": "none",
            "max_poll_records": 500,
            "max_partition_fetch_bytes": MAX_MESSAGE_BYTES,
            "allow_auto_create_topics": False,
            "fetch_max_wait_ms": 100,
            "request_timeout_ms": _timeout_ms(request_timeout_s),
            **options,
        },
    )
    # How long after its start a consumer first asks for the leaders of its partitions; kafka-python has no option.
    consumer._manager.cluster.config["retry_backoff_ms"] = 20
    return consumer


class _CommittingAdminClient(KafkaAdminClient):  # type: ignore[misc]
    """Can commit a transaction by its markers: kafka-python can only abort one. The requests differ in one bit."""

    @staticmethod
    def _abort_transaction_request(spec: AbortTransactionSpec) -> Any:
        request = KafkaAdminClient._abort_transaction_request(spec)
        [marker] = request.markers
        marker.transaction_result = True
        return request


def find_open_transactions(transactional_id: str, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, Any]:
    """Return the partitions where a producer has an open transaction, with its state. Raises `KafkaUnavailable`."""
    with open_admin_client() as client:
        producer_id = client.describe_transactions([transactional_id])[transactional_id].producer_id
        producers = client.describe_producers(partitions)
    return {
        partition: producer
        for partition, state in producers.items()
        for producer in state.active_producers
        if producer.producer_id == producer_id and producer.current_transaction_start_offset >= 0
    }


def end_transactions(hanging: Mapping[TopicPartition, Any], *, commit: bool) -> None:
    """Write the end markers that Kafka failed to write; `hanging` is the result of `find_open_transactions`.

    Needs the permission CLUSTER_ACTION on brokers that check permissions. Raises `KafkaUnavailable`.
    """
    with open_admin_client(_CommittingAdminClient if commit else KafkaAdminClient) as client:
        for partition, producer in hanging.items():
            coordinator_epoch = max(0, producer.coordinator_epoch)
            client.abort_transaction(
                AbortTransactionSpec(partition, producer.producer_id, producer.producer_epoch, coordinator_epoch)
            )


@contextmanager
def open_admin_client(client_class: type[Any] = KafkaAdminClient, *, request_timeout_s: float = 10.0) -> Iterator[Any]:
    """Open an admin client for a few requests; closes it afterwards. Raises `KafkaUnavailable`."""
    client = _construct(client_class, {"request_timeout_ms": _timeout_ms(request_timeout_s)})
    try:
        with translate_errors():
            yield client
    finally:
        client.close()


def topic_partitions(topic: str, count: int) -> Sequence[TopicPartition]:
    return [TopicPartition(topic, number) for number in range(count)]


@contextmanager
def translate_errors() -> Iterator[None]:
    """Raise kafka-python's errors as `KafkaUnavailable`."""
    try:
        yield
    except KafkaError as error:
        servers = ",".join(settings.KAFKA_OPTIONS["bootstrap_servers"])
        raise KafkaUnavailable(f"Kafka at {servers}: {type(error).__name__}: {error}") from error
