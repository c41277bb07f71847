"""The one door to kafka-python: producers, consumers and admin clients, made with what `EVENT_LOG_URL` says.

Clients are made where they are used, never at import and never before a fork (mechanics 1.8).
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from django.conf import settings
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, OffsetAndMetadata, TopicPartition
from kafka.errors import KafkaError

from eventshop.core.errors import EventShopError

__all__ = ["KafkaAway", "KafkaError", "OffsetAndMetadata", "TopicPartition", "admin", "consumer", "producer"]

log = logging.getLogger(__name__)

#: As large as the broker's default for a whole batch; an event is at most a quarter of it.
MAX_BYTES: Final = 1_048_576


class KafkaAway(EventShopError):
    """Kafka does not answer."""

    code = "kafka-away"


def producer(transactional_id: str) -> Any:
    """A transactional producer for many small transactions in a row (mechanics 1.2 and 1.7)."""
    with _translated():
        return KafkaProducer(
            **settings.KAFKA_OPTIONS,
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
    with _translated():
        return KafkaConsumer(
            **settings.KAFKA_OPTIONS,
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


@contextmanager
def admin() -> Iterator[Any]:
    """An admin client for a few questions."""
    with _translated():
        client = KafkaAdminClient(**settings.KAFKA_OPTIONS, request_timeout_ms=10_000)
    try:
        with _translated():
            yield client
    finally:
        client.close()


def partitions_of(topic: str, count: int) -> Sequence[TopicPartition]:
    return [TopicPartition(topic, number) for number in range(count)]


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except KafkaError as error:
        where = ",".join(settings.KAFKA_OPTIONS["bootstrap_servers"])
        raise KafkaAway(f"Kafka at {where}: {type(error).__name__}: {error}") from error
