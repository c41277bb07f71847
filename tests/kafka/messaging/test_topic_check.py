"""`create_topics --check` names everything in which the topics are not as they should be, and what to do about it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from kafka.admin import ConfigResource, ConfigResourceType

from eventshop.messaging.kafka import clients, topics
from eventshop.messaging.models import KnownTopic
from eventshop.operations import verifications
from eventshop.operations.verifications import VerificationFailed
from tests.support.kafka.topic_contents import CommandOutput, run_command
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.postgres, pytest.mark.usefixtures("clean_database", "projection_topics")]


def check() -> CommandOutput:
    return run_command("create_topics", check=True)


def has_line(*words: str) -> bool:
    return any(all(word in line for word in words) for line in check().out.splitlines())


def test_topics_as_they_should_be_pass() -> None:
    found = check()
    assert (found.code, found.failure) == (0, "")
    assert "topics are as they should be" in found.out
    assert verifications.verify_topic_settings() in found.out


def test_another_setting_is_named_and_set_back() -> None:
    topic = topics.dead_letter_topic()
    with clients.open_admin_client() as admin:
        admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, configs={"retention.ms": "1000"})])
    wait_until(lambda: check().code)
    assert has_line(topic, "retention.ms=1000, not -1", "run create_topics")
    assert re.match("1 of [0-9]+ topics", check().failure)
    assert run_command("create_topics").code == 0
    wait_until(lambda: not check().code)


def test_another_replication_factor_is_named_and_left_to_the_operator(settings: Any) -> None:
    settings.KAFKA_REPLICATION_FACTOR = 3
    assert has_line(topics.event_store_topic(), "replication factor of 1, not 3", "kafka-reassign-partitions")
    created = run_command("create_topics")
    assert created.code == 0
    assert created.out.count("replication factor of 1, not 3") == check().out.count("replication factor") > 1
    assert check().code == 1
    with pytest.raises(VerificationFailed, match="has a replication factor of 1, not 3"):
        verifications.verify_topic_settings()


def test_a_topic_that_is_gone_or_was_recreated_is_named_with_the_command_that_accepts_it() -> None:
    KnownTopic.objects.filter(name=topics.event_store_topic()).update(topic_id="00000000-0000-0000-0000-000000000001")
    assert has_line(topics.event_store_topic(), "was recreated", "create_topics --forget", "republish_events")
    with clients.open_admin_client() as admin:
        admin.delete_topics([topics.dead_letter_topic()])
        wait_until(lambda: not topics.describe_topics(admin, [topics.dead_letter_topic()]))
    assert has_line(topics.dead_letter_topic(), "is gone from Kafka", f"--forget {topics.dead_letter_topic()}")
    KnownTopic.objects.filter(name=topics.dead_letter_topic()).delete()
    assert has_line(topics.dead_letter_topic(), "does not exist", "run create_topics")


def test_more_partitions_are_named() -> None:
    topic = topics.event_store_topic()
    with clients.open_admin_client() as admin:
        admin.create_partitions({topic: 13})
        wait_until(lambda: topics.describe_topics(admin, [topic])[topic].partitions == 13)
    assert has_line(topic, "has 13 partitions, not 12", "delete the topic", "--forget")
    assert check().code == 1
