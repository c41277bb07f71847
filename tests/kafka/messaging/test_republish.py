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
from eventshop.messaging.models import RelayCheckpoint
from eventshop.messaging.relay.leader_election import acquire_leadership
from eventshop.messaging.relay.republish import RepublishRefused
from tests.support.command_output import numbers_in
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
    events = StoredEvent.objects.count()
    assert numbers_in(said.splitlines()[0]) == [events, events]  # to publish, up to that position
    assert numbers_in(said.splitlines()[-2])[:3] == [events, events, 0]  # they are on the topic
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
    assert numbers_in(said.splitlines()[0]) == [StoredEvent.objects.count()] * 2


def test_the_beginning_is_gone_on_with_and_everything_is_left_alone(kafka_topics: str) -> None:
    append_orders(10)
    relay_all()
    before = published_position()
    append_orders(10, seed=2)
    code, said = run_republish(verify=True)
    assert code == 0
    assert numbers_in(said.splitlines()[0]) == [before]
    assert published_position() == StoredEvent.objects.count()
    code, said = run_republish(verify=True)
    assert code == 0
    assert numbers_in(said.splitlines()[1])[:1] == [0]


def test_a_topic_with_anything_else_is_refused(kafka_topics: str) -> None:
    append_orders(5)
    publish(kafka_topics, lambda records: records[:2] + records[3:])
    refused = run_command("republish_events")
    assert (refused.code, type(refused.cause)) == (1, RepublishRefused)
    assert numbers_in(refused.failure)[:1] == [3]
    assert "create_topics --forget" in refused.failure
    assert len(topic_reader.read_committed(kafka_topics, topics.event_store_topic())) == StoredEvent.objects.count() - 1


def test_a_topic_with_a_tombstone_or_a_foreign_record_is_refused(kafka_topics: str) -> None:
    append_orders(5)
    [first, *_] = records = table()
    send(kafka_topics, [tombstone(first, [record for record in records if record.partition == first.partition][-1])])
    refused = run_command("republish_events")
    assert (refused.code, type(refused.cause)) == (1, RepublishRefused)
    assert first.key.decode() in refused.failure
    assert numbers_in(refused.failure)[:2] == [first.partition, 0]  # the partition and the offset


def test_beside_a_relay_it_does_nothing(kafka_topics: str) -> None:
    append_orders(1)
    acquire_leadership(topics.event_store_topic(), "a relay elsewhere")
    RelayCheckpoint.objects.update(leased_until=timezone.now() + timedelta(days=1))
    refused = run_command("republish_events")
    assert (refused.code, type(refused.cause), published_position()) == (1, RepublishRefused, 0)
    assert "a relay elsewhere" in refused.failure


def test_a_topic_made_anew_is_filled_and_read_models_go_on(kafka_topics: str) -> None:
    append_orders(30)
    with running_relay() as relay:  # in many transactions: offsets in the new topic will be lower
        while relay.publish_batch(limit=5):
            pass
    catch_up()
    lost = topics.event_store_topic()
    admin = open_admin(kafka_topics)
    admin.delete_topics([lost])
    wait_until(
        lambda: lost not in {topic["name"] for topic in admin.describe_topics()},
        seen=lambda: admin.describe_topics([lost]),
    )
    admin.close()
    assert f"create_topics --forget {lost}" in run_command("create_topics").failure
    assert run_command("create_topics", forget=[lost]).code == 0
    assert run_republish(verify=True)[0] == 0
    append_orders(30, seed=2)
    relay_all()
    catch_up()
    assert_read_models_equal_fold()
    assert run_command("verify_log").code == 0


@pytest.mark.chaos
@pytest.mark.long
def test_killed_in_the_middle_it_goes_on(kafka_topics: str, kafka_process_env: dict[str, str], tmp_path: Path) -> None:
    append_orders(1_000)
    log = tmp_path / "republish.log"
    for point in ("relay.mid-send:2", "relay.during-commit:1"):
        with manage_process("republish_events", env={**kafka_process_env, "CRASH_AT": point}, log=log) as process:
            assert wait_for_exit(process, log=log) == -signal.SIGKILL, log.read_text()
    before = published_position()
    assert 0 < before < StoredEvent.objects.count()
    code, said = run_republish(verify=True)
    assert code == 0, said
    assert numbers_in(said.splitlines()[0]) == [before]  # it continues after those
    assert published_position() == StoredEvent.objects.count()
