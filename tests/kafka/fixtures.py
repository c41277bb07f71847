"""A set of topics for each test, on the one broker that all tests share."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from eventshop import checked
from eventshop.log import topics
from projections.engine.projection import catalogue


@pytest.fixture
def kafka_topics(kafka_url: str, clean_database: None, settings: Any) -> str:
    """Fresh topics under a prefix of this test's own, and this process set to use them; gives the broker's URL."""
    settings.EVENT_LOG_URL = kafka_url
    settings.KAFKA_OPTIONS = checked.kafka_options("EVENT_LOG_URL", kafka_url)
    settings.KAFKA_TOPIC_PREFIX = f"test-{uuid4().hex[:8]}-"
    for topic in topics.designed(projection.topic for projection in catalogue.chosen([])):
        topics.ensure(topic)
    return kafka_url


@pytest.fixture
def kafka_process_env(kafka_topics: str, database_url: str, settings: Any) -> dict[str, str]:
    """What a process that the test starts needs to use the same database and topics."""
    return {
        "DATABASE_URL": database_url,
        "EVENT_LOG_URL": kafka_topics,
        "KAFKA_TOPIC_PREFIX": settings.KAFKA_TOPIC_PREFIX,
        "ENV_FILE": "",
        "SECRET_KEY": settings.SECRET_KEY,
    }
