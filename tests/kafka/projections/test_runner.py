"""Read models from Kafka: whatever lies on the topic and whoever dies, they end as the fold of all events."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from kafka import KafkaAdminClient, KafkaProducer

from eventshop.core.errors import CheckpointMoved
from eventshop.eventstore.backends.protocol import engine
from eventshop.eventstore.models import StoredEvent
from eventshop.messaging.kafka import topics
from eventshop.messaging.kafka.event_records import number, partition_of, written
from eventshop.messaging.kafka_event_log import KafkaLog
from eventshop.messaging.relay.event_relay import Relay
from eventshop.messaging.relay.leader_election import take_lead
from eventshop.projections.models import Checkpoint, DeadLetter, UnreadableRecord
from eventshop.projections.projection import catalogue
from eventshop.projections.runner import Runner
from eventshop.projections.status import statuses, summed
from eventshop.runtime.watchdog import Watchdog
from projections.models import ActivityTimeline
from projections.order_summary import order_summary
from tests.support.kafka import topic_reader
from tests.support.kafka.read_models import caught_up, equal_the_fold
from tests.support.processes import running, until
from tests.support.read_models import append_lives, held

pytestmark = [pytest.mark.postgres, pytest.mark.usefixtures("clean_database")]

TIMES = int(os.environ.get("CHAOS_TIMES", "3"))


@pytest.fixture
def relay(kafka_topics: str) -> Iterator[Relay]:
    watchdog = Watchdog()
    leading = Relay(watchdog)
    assert take_lead(leading.topic, leading.owner)
    leading.take_over()
    yield leading
    leading.close()
    watchdog.close()


def told(relay: Relay, orders: int = 30, *, seed: int = 1) -> None:
    """Some orders' lives, in the table and on Kafka."""
    append_lives(Random(seed), range(seed * 10_000, seed * 10_000 + orders))
    while relay.advance():
        pass


def test_read_models_from_kafka_are_the_fold(relay: Relay) -> None:
    for seed in (1, 2, 3):
        told(relay, seed=seed)
        assert caught_up() > 0
        equal_the_fold()
    assert caught_up() == 0


def test_activities_of_all_partitions_stand_in_the_order_of_the_store(relay: Relay) -> None:
    told(relay)
    caught_up()
    newest = ActivityTimeline.objects.order_by("-position").values_list("position", "event_id")
    assert list(newest) == list(StoredEvent.objects.order_by("-position").values_list("position", "event_id"))


def test_a_row_says_where_its_last_event_lies(relay: Relay, kafka_topics: str) -> None:
    told(relay)
    caught_up()
    lying = {
        (record.partition, record.offset + 1): number(record.headers, "version")
        for record in topic_reader.committed(kafka_topics, topics.event_store())
    }
    rows = list(order_summary.model.objects.all())
    assert rows
    for row in rows:
        assert lying[row.last_partition, row.last_offset] == row.last_version
        assert row.last_partition == partition_of(row.order_id)


def test_lag_is_told_by_us_and_by_kafkas_own_groups(relay: Relay, kafka_topics: str, settings: Any) -> None:
    told(relay)
    [*_, late] = summed(statuses([order_summary], KafkaLog()))
    assert (late.behind > 0, late.state) == (True, "behind")
    caught_up()
    [status] = summed(statuses([order_summary], KafkaLog()))
    assert (status.behind, status.behind_s, status.state) == (0, 0.0, "up to date")
    admin = KafkaAdminClient(bootstrap_servers=settings.KAFKA_OPTIONS["bootstrap_servers"])
    group = topics.named("eventshop-order-summary")
    stored = {
        tp.partition: found.offset for tp, found in admin.list_group_offsets(group)[group].items() if found.offset > 0
    }
    admin.close()
    assert stored == {
        row.partition: row.position for row in Checkpoint.objects.filter(projection="order-summary") if row.position
    }


def test_a_zombie_with_an_old_offset_writes_nothing(relay: Relay) -> None:
    told(relay)
    zombie = Runner([order_summary], KafkaLog())
    site = zombie.sites[0]
    while not zombie.step(site, limit=5):
        pass
    told(relay, seed=2)
    caught_up()
    before = held(order_summary)
    with pytest.raises(CheckpointMoved):
        while True:
            zombie.step(site, limit=5)
    zombie.close()
    assert held(order_summary) == before
    equal_the_fold()


def produce(
    url: str, *, partition: int, key: bytes | None, value: bytes | None, headers: list[tuple[str, bytes]]
) -> None:
    """A record by somebody else."""
    stranger = KafkaProducer(bootstrap_servers=url.removeprefix("kafka://").split(","))
    stranger.send(topics.event_store(), key=key, value=value, headers=headers, partition=partition).get(10)
    stranger.close()


def test_a_record_that_is_no_event_is_set_aside_and_stops_nobody(relay: Relay, kafka_topics: str) -> None:
    told(relay)
    strangers: list[tuple[bytes | None, bytes | None, list[tuple[str, bytes]]]] = [
        (b"key", b"garbage", []),
        (b"key", None, []),
        (b"key", b"\xc3\x01" + b"unknown!" + b"x", [("partition-sequence", b"1"), ("position", b"1")]),
        (b"key", b"", [("partition-sequence", b"no number"), ("position", b"1")]),
    ]
    for key, value, headers in strangers:
        produce(kafka_topics, partition=3, key=key, value=value, headers=headers)
    told(relay, seed=2)
    caught_up()
    equal_the_fold()
    for projection in catalogue.chosen([]):
        found = UnreadableRecord.objects.filter(projection=projection.name).order_by("offset")
        assert [(row.key, row.value) for row in found] == [(key, value) for key, value, _ in strangers]
        assert all(row.topic == topics.event_store() and row.partition == 3 and row.error for row in found)
    assert not DeadLetter.objects.exists()
    assert caught_up() == 0


def test_a_hole_is_filled_from_the_table(relay: Relay, kafka_topics: str) -> None:
    """A relay with a fault leaves events out; the numbers show it, the table has them."""
    append_lives(Random(1), range(10))
    rows = engine().select("ORDER BY position", ())
    sequences = dict.fromkeys(range(12), 0)
    producer = KafkaProducer(bootstrap_servers=kafka_topics.removeprefix("kafka://").split(","))
    for place, row in enumerate(rows):
        partition = partition_of(row.aggregate_id)
        sequences[partition] += 1
        if place % 5 == 2:
            continue
        record = written(row, partition, sequences[partition])
        for _ in range(1 + (place % 7 == 3)):  # and some twice
            producer.send(
                topics.event_store(), key=record.key, value=record.value, headers=record.headers, partition=partition
            ).get(10)
    producer.close()
    # A last event in each partition, so that no hole is at the end, where only the relay can know of it.
    seen = {number_ for number_ in sequences if sequences[number_]}
    caught_up()
    missing_at_the_end = {
        row.event_id
        for place, row in enumerate(rows)
        if place % 5 == 2
        and all(
            partition_of(later.aggregate_id) != partition_of(row.aggregate_id) or (later_place % 5 == 2)
            for later_place, later in enumerate(rows[place + 1 :], start=place + 1)
        )
    }
    assert seen
    timeline = catalogue.get("activity-timeline")
    expected = {row.event_id for row in rows} - missing_at_the_end
    assert set(held(timeline)) == expected
    assert len(missing_at_the_end) < len(rows) / 5


def test_a_run_of_events_that_comes_again_is_skipped_whole(relay: Relay, kafka_topics: str) -> None:
    told(relay)
    again = topic_reader.committed(kafka_topics, topics.event_store())
    for record in again:
        produce(kafka_topics, partition=record.partition, key=record.key, value=record.value, headers=record.headers)
    assert caught_up() == len(again) * len(catalogue.chosen([]))
    equal_the_fold()


@pytest.mark.chaos
def test_a_worker_killed_between_fold_and_commit_loses_and_repeats_nothing(
    relay: Relay, kafka_process_env: dict[str, str], tmp_path: Path
) -> None:
    log = tmp_path / "worker.log"
    for attempt in range(TIMES):
        told(relay, seed=attempt + 1)
        env = {**kafka_process_env, "CRASH_AT": f"projection.before-commit:{attempt + 1}"}
        with running("run_projections", "--once", env=env, log=log) as worker:
            assert worker.wait(60) == -signal.SIGKILL, log.read_text()
    caught_up()
    equal_the_fold()


@pytest.mark.chaos
def test_workers_come_and_go_while_events_keep_coming(
    relay: Relay, kafka_process_env: dict[str, str], tmp_path: Path
) -> None:
    log = tmp_path / "workers.log"

    def owners() -> set[str]:
        return set(Checkpoint.objects.filter(projection="order-summary").values_list("owner", flat=True))

    with running("run_projections", env=kafka_process_env, log=log):
        told(relay, seed=1)
        until(lambda: owners() - {""}, what="the first works")
        with running("run_projections", env=kafka_process_env, log=log):
            told(relay, seed=2)
            until(lambda: len(owners() - {""}) == 2, within_s=40, what="two share the partitions")
            with running("run_projections", env=kafka_process_env, log=log) as third:
                told(relay, seed=3)
                until(lambda: len(owners() - {""}) == 3, within_s=40, what="three share the partitions")
                third.kill()
            told(relay, seed=4)
        told(relay, seed=5)
        until(
            lambda: all(status.behind == 0 for status in statuses(catalogue.chosen([]), KafkaLog())),
            within_s=60,
            what="the last one has taken over everything",
        )
    equal_the_fold()
