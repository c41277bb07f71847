"""Clients of kafka-python as another program opens them, with time limits that no busy machine reaches."""

from __future__ import annotations

from typing import Any, Final

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer

from tests.support.waiting import DEADLINE_S

#: kafka-python refuses requests that may take as long as its limit of 540 s for idle connections.
_REQUEST_MS: Final = 500_000
_DEADLINE_MS: Final = int(DEADLINE_S * 1_000)


def open_admin(url: str) -> KafkaAdminClient:
    return KafkaAdminClient(**_connection(url))


def open_producer(url: str, **options: Any) -> KafkaProducer:
    return KafkaProducer(**_connection(url), max_block_ms=_DEADLINE_MS, delivery_timeout_ms=_DEADLINE_MS, **options)


def open_consumer(url: str, **options: Any) -> KafkaConsumer:
    return KafkaConsumer(**_connection(url), **options)


def _connection(url: str) -> dict[str, Any]:
    servers = url.removeprefix("kafka://").split(",")
    return {
        "bootstrap_servers": servers,
        "bootstrap_timeout_ms": _DEADLINE_MS,
        "request_timeout_ms": _REQUEST_MS,
    }
