"""The one door to kafka-python: producers, consumers and admin clients, made with what `EVENT_LOG_URL` says.

Clients are made where they are used, never at import and never before a fork (mechanics 1.8).
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

from django.conf import settings
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, OffsetAndMetadata, TopicPartition
from kafka.admin import AbortTransactionSpec
from kafka.errors import KafkaError

from eventshop.core.errors import EventShopError

__all__ = [
    "KafkaAway",
    "KafkaError",
    "OffsetAndMetadata",
    "TopicPartition",
    "admin",
    "consumer",
    "end_transactions",
    "open_transactions",
    "producer",
    "translated",
]

log = logging.getLogger(__name__)

#: As large as the broker's default for a whole batch; an event is at most a quarter of it.
MAX_BYTES: Final = 1_048_576

#: Their own default is to wait up to 30 s before they try a broker again that was away: too long after it is back.
_RECONNECTING: Final = {"reconnect_backoff_ms": 100, "reconnect_backoff_max_ms": 2_000}


class KafkaAway(EventShopError):
    """Kafka does not answer."""

    code = "kafka-away"


def producer(transactional_id: str) -> Any:
    """A transactional producer for many small transactions in a row (mechanics 1.2 and 1.7)."""
    with translated():
        return KafkaProducer(
            **settings.KAFKA_OPTIONS,
            **_RECONNECTING,
            transactional_id=transactional_id,
            transaction_timeout_ms=15_000,
            delivery_timeout_ms=10_000,
            request_timeout_ms=9_000,
            max_block_ms=10_000,
            retry_backoff_ms=2,
            linger_ms=0,
            batch_size=262_144,
            compression_type="lz4",
            max_request_size=MAX_BYTES,
        )


def consumer(**options: Any) -> Any:
    """A consumer that sees committed records only and never decides about offsets by itself."""
    with translated():
        return KafkaConsumer(
            **settings.KAFKA_OPTIONS,
            **_RECONNECTING,
            **{
                "enable_auto_commit": False,
                "isolation_level": "read_committed",
                "auto_offset_reset": "none",
                "max_poll_records": 500,
                "max_partition_fetch_bytes": MAX_BYTES,
                "allow_auto_create_topics": False,
                "fetch_max_wait_ms": 100,
                **options,
            },
        )


class _Committing(KafkaAdminClient):  # type: ignore[misc]
    """kafka-python has the request that ends a transaction for aborting only; a commit differs in one bit."""

    @staticmethod
    def _abort_transaction_request(spec: AbortTransactionSpec) -> Any:
        request = KafkaAdminClient._abort_transaction_request(spec)
        [marker] = request.markers
        marker.transaction_result = True
        return request


def open_transactions(transactional_id: str, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, Any]:
    """Where a producer has a transaction open, and what Kafka knows of it there. Raises `KafkaAway`."""
    with admin() as client:
        producer_id = client.describe_transactions([transactional_id])[transactional_id].producer_id
        found = client.describe_producers(partitions)
    return {
        part: producer
        for part, known in found.items()
        for producer in known.active_producers
        if producer.producer_id == producer_id and producer.current_transaction_start_offset >= 0
    }


def end_transactions(hanging: Mapping[TopicPartition, Any], *, commit: bool) -> None:
    """Mark a transaction as ended where Kafka itself does not; `hanging` is what `open_transactions` found.

    It takes the right CLUSTER_ACTION where brokers ask for rights. Raises `KafkaAway`.
    """
    with admin(_Committing if commit else KafkaAdminClient) as client:
        for part, it in hanging.items():
            client.abort_transaction(
                AbortTransactionSpec(part, it.producer_id, it.producer_epoch, max(0, it.coordinator_epoch))
            )


@contextmanager
def admin(kind: type[Any] = KafkaAdminClient, *, answer_s: float = 10.0) -> Iterator[Any]:
    """An admin client for a few questions."""
    with translated():
        client = kind(**settings.KAFKA_OPTIONS, **_RECONNECTING, request_timeout_ms=int(answer_s * 1_000))
    try:
        with translated():
            yield client
    finally:
        client.close()


def partitions_of(topic: str, count: int) -> Sequence[TopicPartition]:
    return [TopicPartition(topic, number) for number in range(count)]


@contextmanager
def translated() -> Iterator[None]:
    """Raise kafka-python's errors as `KafkaAway`."""
    try:
        yield
    except KafkaError as error:
        where = ",".join(settings.KAFKA_OPTIONS["bootstrap_servers"])
        raise KafkaAway(f"Kafka at {where}: {type(error).__name__}: {error}") from error
