"""`republish_events` fills an empty topic with the table, goes on where it was interrupted, and touches no other."""

from __future__ import annotations

import signal
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from eventshop.eventstore.models import StoredEvent
from eventshop.messaging.kafka import topics
from eventshop.messaging.kafka.event_records import PARTITIONS
from eventshop.messaging.kafka.topic_end import read_topic_end
from eventshop.messaging.kafka_event_log import KafkaEventLog
from eventshop.messaging.models import RelayCheckpoint
from eventshop.messaging.relay.leader_election import acquire_leadership
from eventshop.sagas import partition_leases
from eventshop.sagas.event_router import EventRouter
from tests.support.kafka import topic_reader
from tests.support.kafka.plain_clients import open_admin
from tests.support.kafka.read_models import assert_read_models_equal_fold, catch_up
from tests.support.kafka.topic_contents import (
    append_orders,
    publish,
    relay_all,
    run_command,
    running_relay,
    send,
    tombstone,
)
from tests.support.kafka.topic_contents import table_records as table
from tests.support.processes import manage_process
from tests.support.waiting import wait_for_exit, wait_until

pytestmark = [pytest.mark.postgres, pytest.mark.usefixtures("clean_database")]


def run_republish(**options: Any) -> tuple[int, str]:
    said = run_command("republish_events", **options)
    return said.code, said.failure or said.out


def published_position() -> int:
    return read_topic_end(topics.event_store_topic(), PARTITIONS).position


def test_an_empty_topic_gets_what_the_relay_would_have_written(kafka_topics: str) -> None:
    append_orders(60)
    code, said = run_republish(verify=True)
    assert code == 0
    assert f"{StoredEvent.objects.count()} events to publish" in said
    assert said.endswith(f"The table and {topics.event_store_topic()} agree.\n")
    assert [
        record.value
        for record in sorted(
            topic_reader.read_committed(kafka_topics, topics.event_store_topic()), key=lambda record: record.key
        )
    ] == [record.value for record in sorted(table(), key=lambda record: record.key)]


def test_a_dry_run_publishes_nothing(kafka_topics: str) -> None:
    append_orders(5)
    code, said = run_republish(dry_run=True)
    assert (code, published_position()) == (0, 0)
    assert f"{StoredEvent.objects.count()} events to publish, up to position" in said


def test_the_beginning_is_gone_on_with_and_everything_is_left_alone(kafka_topics: str) -> None:
    append_orders(10)
    relay_all()
    before = published_position()
    append_orders(10, seed=2)
    code, said = run_republish(verify=True)
    assert code == 0
    assert f"{before} events are already on the topic and equal the table; publishing continues after them." in said
    assert published_position() == StoredEvent.objects.count()
    code, said = run_republish(verify=True)
    assert code == 0
    assert "\n0 events to publish" in said


def test_a_topic_with_anything_else_is_refused(kafka_topics: str) -> None:
    append_orders(5)
    publish(kafka_topics, lambda records: records[:2] + records[3:])
    code, said = run_republish()
    assert code == 1
    assert "is neither empty nor a prefix of the event table: position 3 (event" in said
    assert "create_topics --forget" in said
    assert len(topic_reader.read_committed(kafka_topics, topics.event_store_topic())) == StoredEvent.objects.count() - 1


def test_a_topic_with_a_tombstone_or_a_foreign_record_is_refused(kafka_topics: str) -> None:
    append_orders(5)
    [first, *_] = records = table()
    send(kafka_topics, [tombstone(first, [record for record in records if record.partition == first.partition][-1])])
    code, said = run_republish()
    assert code == 1
    assert f"partition {first.partition} at offset 0: a tombstone erases {first.key.decode()}" in said


def test_beside_a_relay_it_does_nothing(kafka_topics: str) -> None:
    append_orders(1)
    acquire_leadership(topics.event_store_topic(), "a relay elsewhere")
    RelayCheckpoint.objects.update(leased_until=timezone.now() + timedelta(days=1))
    code, said = run_republish()
    assert (code, published_position()) == (1, 0)
    assert said.startswith("a relay (a relay elsewhere) is running and publishes already")


def test_a_topic_made_anew_is_filled_and_read_models_and_sagas_go_on(kafka_topics: str) -> None:
    append_orders(30)
    with running_relay() as relay:  # in many transactions: offsets in the new topic will be lower
        while relay.publish_batch(limit=5):
            pass
    catch_up()
    assert route_all_events() == StoredEvent.objects.count()
    lost = topics.event_store_topic()
    admin = open_admin(kafka_topics)
    admin.delete_topics([lost])
    wait_until(
        lambda: lost not in {topic["name"] for topic in admin.describe_topics()},
        seen=lambda: admin.describe_topics([lost]),
    )
    admin.close()
    assert run_command("create_topics").failure.startswith(f"topic {lost} is gone from Kafka")
    assert run_command("create_topics", forget=[lost]).code == 0
    assert run_republish(verify=True)[0] == 0
    before = StoredEvent.objects.count()
    append_orders(30, seed=2)
    relay_all()
    catch_up()
    assert_read_models_equal_fold()
    assert route_all_events() == StoredEvent.objects.count() - before
    assert run_command("verify_log").code == 0


def route_all_events() -> int:
    """How many events are new to the sagas."""
    ear = EventRouter("a test", KafkaEventLog())
    ear.renew_leases(1)
    events = 0
    while (new := ear.route_events()) or not ear.reader.is_at_end(partition_leases.offsets_of(ear.leases)):
        events += new
    ear.close()
    partition_leases.release_leases(ear.owner)
    return events


@pytest.mark.chaos
@pytest.mark.long
def test_killed_in_the_middle_it_goes_on(kafka_topics: str, kafka_process_env: dict[str, str], tmp_path: Path) -> None:
    append_orders(1_000)
    log = tmp_path / "republish.log"
    for point in ("relay.mid-send:2", "relay.during-commit:1"):
        with manage_process("republish_events", env={**kafka_process_env, "CRASH_AT": point}, log=log) as process:
            assert wait_for_exit(process, log=log) == -signal.SIGKILL, log.read_text()
    assert 0 < published_position() < StoredEvent.objects.count()
    code, said = run_republish(verify=True)
    assert code == 0, said
    assert "events are already on the topic and equal the table; publishing continues after them." in said
    assert published_position() == StoredEvent.objects.count()
