"""Topics are created once, as they are specified, and checked from then on."""

from __future__ import annotations

from typing import Any

import pytest
from kafka.admin import ConfigResource, ConfigResourceType

from eventshop.messaging.kafka import clients, topics
from eventshop.messaging.kafka.topic_differences import TopicSpec
from eventshop.messaging.kafka.topics import TopicRefused
from eventshop.messaging.models import KnownTopic
from tests.support.command_output import numbers_in
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.postgres, pytest.mark.usefixtures("clean_database", "kafka_topics")]


@pytest.fixture
def specs() -> list[TopicSpec]:
    """Two topics that do not exist yet."""
    config = {"cleanup.policy": "delete", "retention.ms": "604800000"}
    return [TopicSpec(topics.topic_name(name), count, config) for name, count in (("one", 2), ("other", 3))]


def partition_counts(*names: str) -> dict[str, int]:
    """The number of partitions of each topic that exists."""
    with clients.open_admin_client() as admin:
        return {name: topic.partitions for name, topic in topics.describe_topics(admin, names).items()}


def retention_ms(topic: str) -> str:
    """The setting as the broker knows it: it learns of a change a moment after it is accepted."""
    with clients.open_admin_client() as admin:
        answer = admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)], config_filter="all")
    return str(answer["topic"][topic]["retention.ms"]["value"])


def test_what_is_missing_is_made_and_what_is_there_is_left(specs: list[TopicSpec]) -> None:
    one, other = specs
    assert topics.ensure_topics([one]) == [f"{one.name}: created with 2 partitions"]
    assert topics.ensure_topics(specs) == [f"{one.name}: unchanged", f"{other.name}: created with 3 partitions"]
    assert topics.ensure_topics(specs) == [f"{one.name}: unchanged", f"{other.name}: unchanged"]
    assert partition_counts(one.name, other.name) == {one.name: 2, other.name: 3}
    assert {known.name: known.topic_id for known in KnownTopic.objects.filter(name__in=[one.name, other.name])} == {
        topic.name: topics.require_topic(topic.name).topic_id for topic in specs
    }


def test_settings_that_somebody_changed_are_put_back(specs: list[TopicSpec]) -> None:
    one, other = specs
    topics.ensure_topics(specs)
    with clients.open_admin_client() as admin:
        admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, other.name, configs={"retention.ms": "1000"})])
    wait_until(lambda: retention_ms(other.name) == "1000", seen=lambda: retention_ms(other.name))
    assert topics.ensure_topics(specs) == [
        f"{one.name}: unchanged",
        f"{other.name}: settings changed: retention.ms=604800000",
    ]
    wait_until(lambda: retention_ms(other.name) == "604800000", seen=lambda: retention_ms(other.name))
    assert topics.ensure_topics(specs) == [f"{one.name}: unchanged", f"{other.name}: unchanged"]


def test_another_number_of_partitions_is_refused_before_anything_is_made(specs: list[TopicSpec]) -> None:
    one, other = specs
    topics.ensure_topics([other])
    with pytest.raises(TopicRefused, check=lambda error: numbers_in(error) == [3, 12]):
        topics.ensure_topics([one, other._replace(partitions=12)])
    assert partition_counts(one.name, other.name) == {other.name: 3}


def test_a_topic_made_anew_behind_our_back_is_refused_until_it_is_forgotten(specs: list[TopicSpec]) -> None:
    one, other = specs
    topics.ensure_topics(specs)
    _recreate(other)
    with pytest.raises(TopicRefused, match=rf"create_topics --forget {other.name}\b"):
        topics.ensure_topics(specs)
    topics.forget_topic(other.name)
    assert topics.ensure_topics(specs) == [f"{one.name}: unchanged", f"{other.name}: unchanged"]


def _recreate(topic: TopicSpec) -> None:
    with clients.open_admin_client() as admin:
        old = topics.describe_topics(admin, [topic.name])
        admin.delete_topics([topic.name])
        options: dict[str, Any] = {"num_partitions": topic.partitions, "replication_factor": 1, "configs": topic.config}
        admin.create_topics({topic.name: options}, wait_for_metadata=True)
        wait_until(
            lambda: topics.describe_topics(admin, [topic.name]) not in ({}, old),
            seen=lambda: topics.describe_topics(admin, [topic.name]),
        )
