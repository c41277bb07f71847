"""What Kafka refuses each time is named where health shows it, and publishing goes on once the cause is gone."""

from __future__ import annotations

import os
from typing import Any

import pytest

from eventshop.core.messages import new_id
from eventshop.eventstore.backends.protocol import backend
from eventshop.eventstore.records import EventRow
from eventshop.eventstore.tail_reader import newest_position
from eventshop.messaging.kafka import clients, topics
from eventshop.messaging.relay import leader_election
from eventshop.messaging.relay.event_relay import run_relay
from eventshop.operations.health_checks import check_relay
from eventshop.projections.models import OutboxRecord
from eventshop.projections.outbox_publisher import run_publisher
from tests.kafka.messaging.test_record_batches import limit_record_size
from tests.support.kafka import topic_reader
from tests.support.kafka.running_publishers import checkpoint, position_of, running, stopped_reason
from tests.support.kafka.topic_contents import append_orders, run_command
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.postgres, pytest.mark.usefixtures("clean_database")]


def append_large_event(size: int) -> EventRow:
    """An event whose metadata was accepted by a release without a limit; random, so that it cannot be compressed."""
    [first] = backend().select_events("ORDER BY position LIMIT 1", ())
    large = first._replace(
        event_id=new_id(), aggregate_id=new_id(), version=1, metadata=f'{{"note":"{os.urandom(size // 2).hex()}"}}'
    )
    backend().append_events([large])
    [stored] = backend().select_events("WHERE event_id = %s", (large.event_id,))
    return stored


def test_an_event_that_is_too_large_is_named_and_published_once_the_topic_takes_it(kafka_topics: str) -> None:
    topic = topics.event_store_topic()
    append_orders(20)
    large = append_large_event(400_000)
    append_orders(20, seed=2)
    limit_record_size(topic, 200_000)
    with running(run_relay):
        wait_until(lambda: stopped_reason(topic) != "", seen=lambda: checkpoint(topic).__dict__)
        reason = stopped_reason(topic)
        assert f"position {large.position} " in reason and str(large.event_id) in reason
        assert large.event_type in reason and str(large.aggregate_id) in reason and "max.message.bytes" in reason
        health = check_relay()
        assert not health.ok and reason in health.detail
        # Everything before it is published, and nobody leads while nobody can.
        assert len(topic_reader.read_rows(kafka_topics, topic)) == large.position - 1
        assert checkpoint(topic).owner == ""
        limit_record_size(topic, 1_048_588)
        assert run_command("create_topics").code == 0
        wait_until(lambda: position_of(topic) == newest_position(), seen=lambda: checkpoint(topic).__dict__)
        assert (stopped_reason(topic), checkpoint(topic).stopped_at) == ("", None)
        assert check_relay().ok
    topic_reader.assert_exactly_once(kafka_topics)


def test_after_a_while_it_looks_by_itself(kafka_topics: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leader_election, "STOPPED_RETRY", leader_election.STOPPED_RETRY * 0)
    topic = topics.event_store_topic()
    append_orders(2)
    append_large_event(400_000)
    limit_record_size(topic, 200_000)
    with running(run_relay):
        wait_until(lambda: stopped_reason(topic) != "", seen=lambda: checkpoint(topic).__dict__)
        limit_record_size(topic, 1_048_588)
        wait_until(lambda: position_of(topic) == newest_position(), seen=lambda: checkpoint(topic).__dict__)
    topic_reader.assert_exactly_once(kafka_topics)


def test_a_topic_that_is_gone_is_named_and_one_made_anew_is_filled(kafka_topics: str, settings: Any) -> None:
    settings.KAFKA_MIN_TIMEOUT_S = 0  # kafka-python looks for a topic that is gone until the time is up
    topic = topics.event_store_topic()
    append_orders(5)
    with running(run_relay):
        wait_until(lambda: position_of(topic) == newest_position(), seen=lambda: checkpoint(topic).__dict__)
        with clients.open_admin_client() as admin:
            admin.delete_topics([topic])
        append_orders(5, seed=2)
        wait_until(lambda: topic in stopped_reason(topic), seen=lambda: checkpoint(topic).__dict__)
        assert "create_topics" in stopped_reason(topic)
        topics.forget_topic(topic)
        wait_until(lambda: run_command("create_topics").code == 0, seen=lambda: "the topic is being deleted")
        wait_until(lambda: position_of(topic) == newest_position(), seen=lambda: checkpoint(topic).__dict__)
    topic_reader.assert_exactly_once(kafka_topics)


def test_a_record_of_the_outbox_that_is_too_large_is_named(kafka_topics: str) -> None:
    topic, letters = topics.outbox_positions_topic(), topics.dead_letter_topic()
    for number in range(9):
        value = os.urandom(300_000) if number == 6 else b"small"
        OutboxRecord.objects.create(topic="dead-letters", key=f"key-{number}", value=value)
    limit_record_size(letters, 200_000)
    with running(run_publisher):
        wait_until(lambda: stopped_reason(topic) != "", seen=lambda: checkpoint(topic).__dict__)
        assert f"key key-6 of the topic {letters}" in stopped_reason(topic)
        assert len(topic_reader.read_committed(kafka_topics, letters)) == 6
        limit_record_size(letters, 1_048_588)
        assert run_command("create_topics").code == 0
        wait_until(lambda: not OutboxRecord.objects.exists(), seen=lambda: checkpoint(topic).__dict__)
    found = topic_reader.read_committed(kafka_topics, letters)
    assert sorted(record.key for record in found) == [b"key-%d" % number for number in range(9)]


def test_republishing_names_an_event_that_is_too_large_and_goes_on_behind_the_last_one(kafka_topics: str) -> None:
    topic = topics.event_store_topic()
    append_orders(20)
    large = append_large_event(400_000)
    limit_record_size(topic, 200_000)
    refused = run_command("republish_events")
    assert refused.code == 1 and f"position {large.position} " in refused.failure
    assert len(topic_reader.read_rows(kafka_topics, topic)) == large.position - 1
    limit_record_size(topic, 1_048_588)
    assert run_command("republish_events", verify=True).code == 0
    topic_reader.assert_exactly_once(kafka_topics)
