"""Read models from Kafka: whatever lies on the topic and whoever dies, they end as the fold of all events."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from eventshop.core.errors import CheckpointMoved
from eventshop.eventstore.backends.protocol import backend
from eventshop.eventstore.hash_chain.chain import hash_event
from eventshop.eventstore.models import StoredEvent
from eventshop.messaging.kafka import topics
from eventshop.messaging.kafka.event_records import PARTITIONS, encode_event, partition_for
from eventshop.messaging.kafka.record_verification import ForgedRecord
from eventshop.messaging.kafka.topic_end import read_topic_end
from eventshop.messaging.kafka_event_log import KafkaEventLog, KafkaLogReader
from eventshop.messaging.relay.event_relay import EventRelay
from eventshop.operations.projection_health import check_unreadable_records
from eventshop.projections.lag import list_statuses, sum_by_projection
from eventshop.projections.models import Checkpoint, DeadLetter, UnreadableRecord
from eventshop.projections.projection import projection_registry
from eventshop.projections.runner import ProjectionRunner
from projections.models import ActivityTimeline
from projections.order_summary import order_summary
from tests.support import chaos
from tests.support.kafka import topic_reader
from tests.support.kafka.plain_clients import open_admin, open_producer
from tests.support.kafka.read_models import assert_read_models_equal_fold, catch_up
from tests.support.kafka.topic_contents import publish_events, run_command, running_relay
from tests.support.processes import manage_process
from tests.support.read_models import append_order_histories, running_projections, stored_rows
from tests.support.waiting import DEADLINE_S, wait_for_exit, wait_until

pytestmark = [pytest.mark.postgres, pytest.mark.usefixtures("clean_database")]

TIMES = chaos.times(1)


@pytest.fixture
def relay(kafka_topics: str) -> Iterator[EventRelay]:
    with running_relay() as leading:
        yield leading


def relay_order_histories(relay: EventRelay, orders: int = 30, *, seed: int = 1) -> None:
    """Some orders' lives, in the table and on Kafka."""
    append_order_histories(Random(seed), range(seed * 10_000, seed * 10_000 + orders))
    publish_events(relay)


def test_read_models_from_kafka_are_the_fold(relay: EventRelay) -> None:
    for seed in (1, 2, 3):
        relay_order_histories(relay, seed=seed)
        assert catch_up() > 0
        assert_read_models_equal_fold()
    assert catch_up() == 0


def test_activities_of_all_partitions_stand_in_the_order_of_the_store(relay: EventRelay) -> None:
    relay_order_histories(relay)
    catch_up()
    newest = ActivityTimeline.objects.order_by("-position").values_list("position", "event_id")
    assert list(newest) == list(StoredEvent.objects.order_by("-position").values_list("position", "event_id"))


def test_a_row_says_where_its_last_event_lies(relay: EventRelay, kafka_topics: str) -> None:
    relay_order_histories(relay)
    catch_up()
    lying = {
        (record.partition, record.offset + 1): topic_reader.decode_row(record).version
        for record in topic_reader.read_committed(kafka_topics, topics.event_store_topic())
    }
    rows = list(order_summary.model.objects.all())
    assert rows
    for row in rows:
        assert lying[row.last_partition, row.last_offset] == row.last_version
        assert row.last_partition == partition_for(row.order_id)


def test_lag_is_told_by_us_and_by_kafkas_own_groups(relay: EventRelay, kafka_topics: str, settings: Any) -> None:
    relay_order_histories(relay)
    [*_, late] = sum_by_projection(list_statuses([order_summary], KafkaEventLog()))
    assert (late.lag > 0, late.state) == (True, "behind")
    catch_up()
    [status] = sum_by_projection(list_statuses([order_summary], KafkaEventLog()))
    assert (status.lag, status.lag_s, status.state) == (0, 0.0, "up to date")
    admin = open_admin(kafka_topics)
    group = topics.topic_name("eventshop-order-summary")
    stored = {
        tp.partition: records.offset
        for tp, records in admin.list_group_offsets(group)[group].items()
        if records.offset > 0
    }
    admin.close()
    assert stored == {
        row.partition: row.position for row in Checkpoint.objects.filter(projection="order-summary") if row.position
    }


def test_a_zombie_with_an_old_offset_writes_nothing(relay: EventRelay) -> None:
    relay_order_histories(relay)
    zombie = ProjectionRunner([order_summary], KafkaEventLog())
    target = zombie.targets[0]
    while not zombie.run_batch(target, limit=5):
        pass
    relay_order_histories(relay, seed=2)
    catch_up()
    before = stored_rows(order_summary)
    with pytest.raises(CheckpointMoved):
        while True:
            zombie.run_batch(target, limit=5)
    zombie.close()
    assert stored_rows(order_summary) == before
    assert_read_models_equal_fold()


def produce(
    url: str, *, partition: int, key: bytes | None, value: bytes | None, headers: list[tuple[str, bytes]]
) -> None:
    """A record by somebody else."""
    stranger = open_producer(url)
    stranger.send(topics.event_store_topic(), key=key, value=value, headers=headers, partition=partition).get(
        DEADLINE_S
    )
    stranger.close()


def test_a_record_that_is_no_event_is_set_aside_and_stops_nobody(relay: EventRelay, kafka_topics: str) -> None:
    relay_order_histories(relay)
    strangers: list[tuple[bytes | None, bytes | None, list[tuple[str, bytes]]]] = [
        (b"key", b"garbage", []),
        (b"key", None, []),
        (b"key", b"\xc3\x01" + b"unknown!" + b"x", [("partition-sequence", b"1"), ("position", b"1")]),
        (b"key", b"", [("partition-sequence", b"no number"), ("position", b"1")]),
    ]
    for key, value, headers in strangers:
        produce(kafka_topics, partition=3, key=key, value=value, headers=headers)
    relay_order_histories(relay, seed=2)
    catch_up()
    assert_read_models_equal_fold()
    for projection in projection_registry.select([]):
        records = UnreadableRecord.objects.filter(projection=projection.name).order_by("offset")
        assert [(row.key, row.value) for row in records] == [(key, value) for key, value, _ in strangers]
        assert all(row.topic == topics.event_store_topic() and row.partition == 3 and row.error for row in records)
    assert not DeadLetter.objects.exists()
    assert catch_up() == 0


def test_a_forged_record_is_set_aside_and_the_event_is_read_from_the_table(kafka_topics: str) -> None:
    """Somebody who can write to the topic has changed one event, with its own hash, and another one with a new hash."""
    append_order_histories(Random(1), range(10))
    sequences = dict.fromkeys(range(PARTITIONS), 0)
    producer, forged = open_producer(kafka_topics), []
    rows = list(backend().select_events("ORDER BY position", ()))
    ends = {partition_for(row.aggregate_id): row.position for row in rows}
    # What is missing after the last record of a partition only the relay can know of.
    changed = [row.position for row in rows if row.position != ends[partition_for(row.aggregate_id)]][:2]
    for row in rows:
        partition = partition_for(row.aggregate_id)
        sequences[partition] += 1
        if row.position in changed:
            row = row._replace(actor="mallory")
            row = row if row.position == changed[0] else row._replace(hash=hash_event(bytes(32), row))
        record = encode_event(row, partition, sequences[partition])
        forged += [record.key] if row.actor == "mallory" else []
        producer.send(
            topics.event_store_topic(), key=record.key, value=record.value, headers=record.headers, partition=partition
        ).get(DEADLINE_S)
    producer.close()
    catch_up()
    records = UnreadableRecord.objects.filter(projection=order_summary.name)
    assert {bytes(row.key or b"") for row in records} == set(forged) and len(forged) == 2
    assert all(row.error.startswith(str(ForgedRecord())) for row in records)
    assert "2 of them forged" in check_unreadable_records().detail
    assert not ActivityTimeline.objects.filter(actor="mallory").exists()
    assert_read_models_equal_fold()


def test_a_hole_is_filled_from_the_table(relay: EventRelay, kafka_topics: str) -> None:
    """A relay with a fault leaves events out; the numbers show it, the table has them."""
    append_order_histories(Random(1), range(10))
    rows = backend().select_events("ORDER BY position", ())
    sequences = dict.fromkeys(range(12), 0)
    producer = open_producer(kafka_topics)
    for place, row in enumerate(rows):
        partition = partition_for(row.aggregate_id)
        sequences[partition] += 1
        if place % 5 == 2:
            continue
        record = encode_event(row, partition, sequences[partition])
        for _ in range(1 + (place % 7 == 3)):  # and some twice
            producer.send(
                topics.event_store_topic(),
                key=record.key,
                value=record.value,
                headers=record.headers,
                partition=partition,
            ).get(DEADLINE_S)
    producer.close()
    # A last event in each partition, so that no hole is at the end, where only the relay can know of it.
    seen = {number_ for number_ in sequences if sequences[number_]}
    catch_up()
    missing_at_the_end = {
        row.event_id
        for place, row in enumerate(rows)
        if place % 5 == 2
        and all(
            partition_for(later.aggregate_id) != partition_for(row.aggregate_id) or (later_place % 5 == 2)
            for later_place, later in enumerate(rows[place + 1 :], start=place + 1)
        )
    }
    assert seen
    timeline = projection_registry.get("activity-timeline")
    expected = {row.event_id for row in rows} - missing_at_the_end
    assert set(stored_rows(timeline)) == expected
    assert len(missing_at_the_end) < len(rows) / 5


def test_a_run_of_events_that_comes_again_is_skipped_whole(relay: EventRelay, kafka_topics: str) -> None:
    relay_order_histories(relay)
    again = topic_reader.read_committed(kafka_topics, topics.event_store_topic())
    for record in again:
        produce(kafka_topics, partition=record.partition, key=record.key, value=record.value, headers=record.headers)
    assert catch_up() == len(again) * len(projection_registry.select([]))
    assert_read_models_equal_fold()


class CountingLog(KafkaEventLog):
    """Knows which of its readers are open."""

    def __init__(self) -> None:
        super().__init__()
        self.open: set[KafkaLogReader] = set()

    def open_reader(self, name: str) -> KafkaLogReader:
        reader = CountedReader(self.topic, self.open)
        self.open.add(reader)
        return reader


class CountedReader(KafkaLogReader):
    def __init__(self, topic: str, readers: set[KafkaLogReader]) -> None:
        super().__init__(topic)
        self.readers = readers

    def close(self) -> None:
        super().close()
        self.readers.discard(self)


def test_a_topic_made_anew_under_a_running_worker_is_read_from_its_beginning(
    relay: EventRelay, kafka_topics: str
) -> None:
    """The worker's offsets are of the old topic; after the documented step it goes on by itself, with one consumer."""
    topic, projections, source = topics.event_store_topic(), projection_registry.select([]), CountingLog()

    def is_up_to_date() -> bool:
        ends = dict(enumerate(read_topic_end(topic, PARTITIONS).sequences))
        return all(
            dict(Checkpoint.objects.filter(projection=each.name).values_list("partition", "sequence")) == ends
            for each in projections
        )

    with running_projections(*projections, source=source):
        relay_order_histories(relay)
        wait_until(is_up_to_date)
        relay.close()
        admin = open_admin(kafka_topics)
        admin.delete_topics([topic])
        wait_until(lambda: topic not in {found["name"] for found in admin.describe_topics()})
        admin.close()
        assert run_command("create_topics", forget=[topic]).code == 0
        with running_relay() as successor:
            relay_order_histories(successor, seed=2, orders=5)  # in some partitions nothing new follows
            wait_until(is_up_to_date, seen=lambda: list(Checkpoint.objects.values_list("projection", "sequence")))
            # Also where nothing new follows: the offsets there are still those of the beginning.
            assert not sum(status.lag for status in list_statuses(projections, source))
        wait_until(lambda: len(source.open) == 1, seen=lambda: f"{len(source.open)} consumers are open")
    assert not source.open
    assert_read_models_equal_fold()


@pytest.mark.chaos
def test_a_worker_killed_between_fold_and_commit_loses_and_repeats_nothing(
    relay: EventRelay, kafka_process_env: dict[str, str], tmp_path: Path
) -> None:
    log = tmp_path / "worker.log"
    commits = len(projection_registry.select([]))  # at least: each projection reads every event
    for attempt in range(TIMES):
        relay_order_histories(relay, seed=attempt + 1)
        env = {**kafka_process_env, "CRASH_AT": f"projection.before-commit:{1 + attempt % commits}"}
        with manage_process("run_projections", "--once", env=env, log=log) as worker:
            assert wait_for_exit(worker, log=log) == -signal.SIGKILL, log.read_text()
    catch_up()
    assert_read_models_equal_fold()


@pytest.mark.chaos
@pytest.mark.long
def test_workers_come_and_go_while_events_keep_coming(
    relay: EventRelay, kafka_process_env: dict[str, str], tmp_path: Path
) -> None:
    log = tmp_path / "workers.log"

    def owners() -> set[str]:
        return set(Checkpoint.objects.filter(projection="order-summary").values_list("owner", flat=True))

    with manage_process("run_projections", env=kafka_process_env, log=log):
        relay_order_histories(relay, seed=1)
        wait_until(lambda: owners() - {""}, seen=log)
        with manage_process("run_projections", env=kafka_process_env, log=log):
            relay_order_histories(relay, seed=2)
            wait_until(lambda: len(owners() - {""}) == 2, seen=owners)  # two share the partitions
            with manage_process("run_projections", env=kafka_process_env, log=log) as third:
                relay_order_histories(relay, seed=3)
                wait_until(lambda: len(owners() - {""}) == 3, seen=owners)
                third.kill()
            relay_order_histories(relay, seed=4)
        relay_order_histories(relay, seed=5)
        wait_until(
            lambda: all(status.lag == 0 for status in list_statuses(projection_registry.select([]), KafkaEventLog())),
            seen=lambda: list_statuses(projection_registry.select([]), KafkaEventLog()),
        )
    assert_read_models_equal_fold()
