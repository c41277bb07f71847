"""Publishing read models on a real broker: every change exactly once, in order per key, whatever is killed whenever."""

from __future__ import annotations

import re
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from functools import partial
from pathlib import Path
from random import Random
from threading import Event as Signal
from threading import Thread
from typing import Any
from zlib import crc32

import pytest
from django.db import connection, connections
from django.utils import timezone

from eventshop.eventstore.backends.protocol import backend
from eventshop.messaging.database_event_log import DatabaseEventLog
from eventshop.messaging.kafka import topics
from eventshop.messaging.kafka.event_records import read_int_header, record_numbers
from eventshop.messaging.kafka_event_log import KafkaEventLog
from eventshop.messaging.models import RelayCheckpoint
from eventshop.messaging.relay.batch_limit import BatchLimit
from eventshop.messaging.relay.leader_election import ManualInterventionRequired, acquire_leadership, release_leadership
from eventshop.operations.projection_health import check_publisher
from eventshop.projections.models import OutboxRecord
from eventshop.projections.outbox_publisher import OutboxPublisher
from eventshop.projections.projection import Projection, projection_registry
from eventshop.projections.rebuild import rebuild
from eventshop.projections.runner import ProjectionRunner
from eventshop.runtime.watchdog import Watchdog
from projections.models import OrderSummary
from projections.order_summary import order_summary
from tests.support import chaos
from tests.support.chaos import crash_points
from tests.support.command_output import numbers_in
from tests.support.failing_projection import Flaky, fail, register_temporarily
from tests.support.kafka import topic_reader
from tests.support.kafka.plain_clients import open_admin, open_producer
from tests.support.kafka.running_publishers import publish_all, stopped_reason
from tests.support.kafka.topic_contents import publish_events, relay_all, running_relay
from tests.support.processes import manage_process
from tests.support.published_rows import matches_row
from tests.support.read_models import append, append_order_histories, catch_up, running_projections, stored_rows
from tests.support.sales import Sale
from tests.support.waiting import DEADLINE_S, join_threads, wait_for_exit, wait_until

pytestmark = [pytest.mark.postgres, pytest.mark.usefixtures("clean_database", "outbox_copy", "projection_topics")]

#: How often each crash point is tried; `make chaos` asks for more.
TIMES = chaos.times(1)

sale = Sale(1_000_000)


@pytest.fixture
def outbox_copy(clean_database: None) -> Iterator[None]:
    """A copy of all that ever was in the outbox, made by the database itself: what should be on the topics."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE everything_outgoing (LIKE projections_outgoing)")
        cursor.execute(
            "CREATE FUNCTION keep_outgoing() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN INSERT INTO everything_outgoing SELECT NEW.*; RETURN NULL; END $$"
        )
        cursor.execute(
            "CREATE TRIGGER keep_outgoing AFTER INSERT ON projections_outgoing "
            "FOR EACH ROW EXECUTE FUNCTION keep_outgoing()"
        )
        yield
        cursor.execute("DROP TRIGGER keep_outgoing ON projections_outgoing")
        cursor.execute("DROP FUNCTION keep_outgoing")
        cursor.execute("DROP TABLE everything_outgoing")


@pytest.fixture
def publisher(kafka_topics: str) -> Iterator[OutboxPublisher]:
    """A publisher that leads, in this process."""
    watchdog = Watchdog()
    leading = create_publisher(watchdog)
    yield leading
    leading.close()
    watchdog.close()


def create_publisher(watchdog: Watchdog) -> OutboxPublisher:
    publisher = OutboxPublisher(watchdog)
    assert acquire_leadership(publisher.topic, publisher.owner)
    publisher.take_over()
    return publisher


def fold_orders(seed: int, orders: int = 10) -> None:
    """Some orders' lives, folded; where they are folded from makes no difference to what is published."""
    append_order_histories(Random(seed), range(seed * 10_000, seed * 10_000 + orders))
    catch_up(*projection_registry.select([]))


def copied_records() -> dict[str, list[tuple[int, bytes, bytes | None]]]:
    """Everything that was ever put into the outbox, by topic, in order: position, key, value."""
    records: dict[str, list[tuple[int, bytes, bytes | None]]] = {}
    with connection.cursor() as cursor:
        cursor.execute("SELECT topic, position, key, value FROM everything_outgoing ORDER BY position")
        for name, position, key, value in cursor.fetchall():
            records.setdefault(topics.topic_name(name), []).append((position, key.encode(), value))
    return records


def published_records(url: str, name: str) -> list[tuple[int, bytes, bytes | None]]:
    """What lies on a topic, in the order of positions; fails if a partition has them in another order."""
    return in_position_order(name, topic_reader.read_committed(url, name))


def in_position_order(name: str, records: list[Any]) -> list[tuple[int, bytes, bytes | None]]:
    partitions: dict[int, list[int]] = {}
    for record in records:
        partitions.setdefault(record.partition, []).append(read_int_header(record.headers, "outgoing-position"))
    for positions in partitions.values():
        assert positions == sorted(positions)
    count = 12 if name.endswith("dead-letters") else 6
    assert all(record.partition == crc32(record.key) % count for record in records)
    return sorted(
        (read_int_header(record.headers, "outgoing-position"), record.key, record.value) for record in records
    )


def assert_published_exactly_once(url: str) -> None:
    """On every topic: what was put into the outbox, each once, in order; and the last of each key is the row."""
    expected = copied_records()
    names = {projection: topics.topic_name(projection.topic) for projection in projection_registry.select([])}
    records: dict[str, list[Any]] = {name: [] for name in (*names.values(), topics.dead_letter_topic())}
    for record in topic_reader.read_committed(url, *records):
        records[record.topic].append(record)
    published = {name: in_position_order(name, found) for name, found in records.items()}
    for name in published:
        assert published[name] == expected.get(name, []), name
    for projection, name in names.items():
        last = {key.decode(): value for _, key, value in published[name]}
        rows = {str(key): row for key, row in stored_rows(projection).items()}
        assert {key for key, value in last.items() if value is not None} == rows.keys()
        assert all(matches_row(last[key], row, projection.model) for key, row in rows.items()), projection.name


def newest_position() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT max(position) FROM everything_outgoing")
        return int(cursor.fetchone()[0] or 0)


def is_confirmed() -> bool:
    """Whether everything is published, and the outbox empty again."""
    return not OutboxRecord.objects.exists() and RelayCheckpoint.objects.filter(position=newest_position()).exists()


def is_confirmed_or_gone(process: subprocess.Popen[bytes]) -> bool:
    return is_confirmed() or process.poll() is not None


def test_every_change_is_published_once_and_in_order(publisher: OutboxPublisher, kafka_topics: str) -> None:
    for seed in (1, 2, 3):
        fold_orders(seed, orders=40)
        assert publish_all(publisher) > 0
    assert_published_exactly_once(kafka_topics)
    assert publish_all(publisher) == 0
    assert is_confirmed()


def test_small_transactions_say_the_same(publisher: OutboxPublisher, kafka_topics: str) -> None:
    fold_orders(1, orders=5)
    while publisher.publish_batch(limit=7):
        pass
    assert_published_exactly_once(kafka_topics)


def test_a_transaction_is_not_filled_beyond_measure(publisher: OutboxPublisher, kafka_topics: str) -> None:
    publisher.limit = BatchLimit(1_000, 1_000)
    fold_orders(1, orders=3)
    assert 0 < publisher.publish_batch() < 5
    publish_all(publisher)
    assert_published_exactly_once(kafka_topics)


def test_workers_on_all_partitions_publish_what_they_write(publisher: OutboxPublisher, kafka_topics: str) -> None:
    """From Kafka, by two runners at once that take turns at the same projections, while the publisher reads."""
    append_order_histories(Random(1), range(200))
    relay_all()
    projections = projection_registry.select([])
    with ExitStack() as workers:
        for name in ("one", "two"):
            workers.enter_context(running_projections(*projections, source=KafkaEventLog(), owner=name))
        wait_until(
            lambda: try_to_publish(publisher) and OrderSummary.objects.count() >= 200,
            seen=lambda: f"{OrderSummary.objects.count()} orders",
        )
    runner = ProjectionRunner(projection_registry.select([]), KafkaEventLog())
    runner.catch_up()
    runner.close()
    publish_all(publisher)
    assert_published_exactly_once(kafka_topics)


def try_to_publish(publisher: OutboxPublisher) -> bool:
    publisher.publish_batch()
    return True


def test_a_successor_goes_on_where_kafka_is(publisher: OutboxPublisher, kafka_topics: str) -> None:
    fold_orders(1)
    publisher.publish_batch(limit=10)
    publisher.close()
    RelayCheckpoint.objects.update(position=0)  # however little the checkpoint knows
    watchdog = Watchdog()
    successor = create_publisher(watchdog)
    assert successor.position == publisher.position
    publish_all(successor)
    successor.close()
    watchdog.close()
    assert_published_exactly_once(kafka_topics)


def test_topics_that_time_has_emptied_are_nothing_to_begin_again_for(
    publisher: OutboxPublisher, kafka_topics: str
) -> None:
    fold_orders(1)
    publish_all(publisher)
    publisher.close()
    RelayCheckpoint.objects.update(position=0)
    delete_records(
        kafka_topics, *(topics.topic_name(projection.topic) for projection in projection_registry.select([]))
    )
    watchdog = Watchdog()
    successor = create_publisher(watchdog)
    assert publish_all(successor) == 0
    before = newest_position()
    fold_orders(2)
    publish_all(successor)
    successor.close()
    watchdog.close()
    expected = copied_records()
    for projection in projection_registry.select([]):
        name = topics.topic_name(projection.topic)
        assert published_records(kafka_topics, name) == [
            record for record in expected.get(name, []) if record[0] > before
        ]


def delete_records(url: str, *names: str) -> None:
    """As retention leaves a topic that nobody wrote to for a week."""
    from kafka import TopicPartition

    from eventshop.messaging.kafka import clients

    reader = clients.create_consumer()
    parts = [TopicPartition(name, partition) for name in names for partition in range(6)]
    ends = reader.end_offsets(parts)
    reader.close()
    admin = open_admin(url)
    admin.delete_records(ends)
    admin.close()


def test_the_outbox_of_another_database_is_published_from_its_start(
    publisher: OutboxPublisher, kafka_topics: str
) -> None:
    fold_orders(1)
    publish_all(publisher)
    publisher.close()
    # As a database restored into an empty one has it: it knows of no publishing, and counts from 1 again.
    RelayCheckpoint.objects.filter(topic=publisher.topic).delete()
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE projections_outgoing, everything_outgoing RESTART IDENTITY")
    first = [
        published_records(kafka_topics, topics.topic_name(projection.topic))
        for projection in projection_registry.select([])
    ]
    watchdog = Watchdog()
    fold_orders(2)
    successor = create_publisher(watchdog)
    assert successor.position == 0
    publish_all(successor)
    successor.close()
    watchdog.close()
    for projection, before in zip(projection_registry.select([]), first, strict=True):
        name = topics.topic_name(projection.topic)
        records = topic_reader.read_committed(kafka_topics, name)
        records = sorted(
            (read_int_header(record.headers, "outgoing-position"), record.key, record.value) for record in records
        )
        assert records == sorted(before + copied_records().get(name, []))


def test_kafka_behind_what_it_confirmed_stops_the_publisher(publisher: OutboxPublisher) -> None:
    fold_orders(1, orders=2)
    publish_all(publisher)
    publisher.close()
    RelayCheckpoint.objects.update(position=100_000, owner="", leased_until=None)
    late = OutboxPublisher(Watchdog())
    assert acquire_leadership(late.topic, late.owner)
    with pytest.raises(ManualInterventionRequired, match=r"\b100000\b"):
        late.take_over()
    late.close()


def test_a_database_older_than_what_was_published_stops_the_publisher(publisher: OutboxPublisher) -> None:
    fold_orders(1, orders=2)
    publish_all(publisher)
    publisher.close()
    RelayCheckpoint.objects.update(position=0)
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE projections_outgoing RESTART IDENTITY")
    late = OutboxPublisher(Watchdog())
    assert acquire_leadership(late.topic, late.owner)
    with pytest.raises(ManualInterventionRequired, check=lambda error: numbers_in(error)[1:] == [0]):
        late.take_over()
    late.close()


def test_writers_that_do_not_let_the_fence_in_are_waited_for(publisher: OutboxPublisher, kafka_topics: str) -> None:
    fold_orders(1, orders=2)
    held_up, go_on = Signal(), Signal()
    thread = Thread(target=write_slowly, args=[held_up, go_on])
    thread.start()
    assert held_up.wait(DEADLINE_S)
    assert publisher.publish_batch() == 0
    go_on.set()
    join_threads(thread)
    wait_until(lambda: publisher.publish_batch() > 0)  # the fence lets the publisher in
    publish_all(publisher)
    assert [key for _, key, _ in published_records(kafka_topics, topics.dead_letter_topic())] == [b"late"]


def write_slowly(held_up: Signal, go_on: Signal) -> None:
    from django.db import transaction

    with transaction.atomic():
        OutboxRecord.objects.create(topic="dead-letters", key="late", value=b"x")
        held_up.set()
        assert go_on.wait(DEADLINE_S)
    connections.close_all()


def test_a_rebuild_publishes_the_rows_that_differ_and_tombstones(publisher: OutboxPublisher, kafka_topics: str) -> None:
    fold_orders(1, orders=20)
    publish_all(publisher)
    before = newest_position()
    wrong, missing, *_ = OrderSummary.objects.order_by("pk")
    OrderSummary.objects.filter(pk=wrong.pk).update(total=99)
    OrderSummary.objects.filter(pk=missing.pk).delete()
    stray = OrderSummary.objects.order_by("pk")[3]
    stray.pk = sale.order_id
    stray.save(force_insert=True)
    rebuild(order_summary, DatabaseEventLog(), requested_by="ada")
    publish_all(publisher)
    records = published_records(kafka_topics, topics.topic_name(order_summary.topic))
    new = {key.decode(): value for position, key, value in records if position > before}
    assert new.keys() == {str(wrong.pk), str(missing.pk), str(sale.order_id)}
    assert new[str(sale.order_id)] is None
    rows = stored_rows(order_summary)
    assert all(matches_row(new[str(row.pk)], rows[row.pk], OrderSummary) for row in (wrong, missing))
    assert_published_exactly_once(kafka_topics)


@pytest.fixture
def flaky(kafka_topics: str) -> Iterator[Flaky]:
    for flaky in register_temporarily(Flaky(order_summary)):
        topics.ensure_topics(item for item in topics.topic_specs(["flaky-projection"]) if "flaky" in item.name)
        yield flaky


@pytest.fixture
def relay(kafka_topics: str) -> Iterator[Callable[[], object]]:
    """Bring what is in the table to Kafka."""
    with running_relay() as leading:
        yield lambda: publish_events(leading)


def project_from_kafka(*projections: Projection[Any]) -> None:
    runner = ProjectionRunner(projections, KafkaEventLog())
    runner.catch_up()
    runner.close()


def test_a_parked_event_is_a_dead_letter(
    flaky: Flaky, relay: Callable[[], object], publisher: OutboxPublisher, kafka_topics: str
) -> None:
    flaky.spoils[sale.order_id, 1] = fail
    append(sale.order_id, sale.created, sale.paid)
    relay()
    project_from_kafka(flaky.projection)
    publish_all(publisher)
    first, second = topic_reader.read_committed(kafka_topics, topics.dead_letter_topic())
    lying = topic_reader.read_committed(kafka_topics, topics.event_store_topic())
    assert [topic_reader.decode_row(record) for record in (first, second)] == list(map(topic_reader.decode_row, lying))
    assert [record_numbers(record) for record in (first, second)] == [record_numbers(record) for record in lying]
    assert first.key == second.key == str(sale.order_id).encode()
    headers = dict(first.headers)
    assert headers["error"] == b"Broken: cannot digest this"
    assert (headers["attempts"], headers["projection"]) == (b"1", b"flaky")
    assert headers["origin-topic"] == topics.event_store_topic().encode()
    assert headers["origin-partition"] == b"%d" % lying[0].partition
    assert headers["origin-offset"] == b"%d" % lying[0].offset
    assert headers["event-id"] == str(topic_reader.decode_row(lying[0]).event_id).encode()
    assert headers["position"] == b"%d" % backend().select_events("ORDER BY position", ())[0].position
    assert (dict(second.headers)["attempts"], dict(second.headers)["error"]) == (b"0", b"")


def test_a_record_that_is_no_event_is_a_dead_letter(
    relay: Callable[[], object], publisher: OutboxPublisher, kafka_topics: str
) -> None:
    stranger = open_producer(kafka_topics)
    garbage = b"\x00\xff garbage \xc3"
    at = stranger.send(
        topics.event_store_topic(), key=b"k", value=garbage, headers=[("hash", b"\x00\xe9")], partition=5
    ).get(DEADLINE_S)
    stranger.close()
    append(sale.order_id, sale.created)
    relay()
    project_from_kafka(order_summary)
    publish_all(publisher)
    [record] = topic_reader.read_committed(kafka_topics, topics.dead_letter_topic())
    assert record.value == garbage
    assert record.key == f"{topics.event_store_topic()}/5/{at.offset}".encode()
    headers = dict(record.headers)
    assert headers["error"] and headers["hash"] == b"\x00\xe9"
    assert (headers["attempts"], headers["projection"]) == (b"1", b"order-summary")
    assert (headers["origin-partition"], headers["origin-offset"]) == (b"5", b"%d" % at.offset)


def test_the_command_says_why_it_stops(
    publisher: OutboxPublisher, kafka_process_env: dict[str, str], tmp_path: Path
) -> None:
    publisher.close()
    RelayCheckpoint.objects.update(position=1_000, owner="", leased_until=None)
    log = tmp_path / "publisher.log"
    with manage_process("publish_projections", env=kafka_process_env, log=log):
        wait_until(lambda: stopped_reason(publisher.topic) != "", seen=log)
        assert re.search(r"\b1000\b.*create_topics --forget", stopped_reason(publisher.topic))
        assert not check_publisher().ok and stopped_reason(publisher.topic) in check_publisher().detail
    assert stopped_reason(publisher.topic) in log.read_text()


def test_a_topic_that_was_never_made_is_asked_for(
    kafka_process_env: dict[str, str], kafka_topics: str, tmp_path: Path
) -> None:
    env = {**kafka_process_env, "KAFKA_TOPIC_PREFIX": "nobody-made-"}
    log = tmp_path / "publisher.log"
    with manage_process("publish_projections", env=env, log=log):
        wait_until(lambda: re.search(r"nobody-made-.*create_topics", log.read_text()), seen=log)
    assert stopped_reason("nobody-made-outgoing-positions") in log.read_text()


@pytest.mark.chaos
@pytest.mark.parametrize("point", crash_points("publish."))
def test_a_publisher_killed_at_any_point_loses_and_repeats_nothing(
    point: str, kafka_topics: str, kafka_process_env: dict[str, str], tmp_path: Path
) -> None:
    log = tmp_path / "publisher.log"
    seeds = iter(range(1, 1_000))
    for attempt in range(TIMES):
        fold_orders(next(seeds))
        # The second time the point is passed there are records of an earlier transaction on the topics already.
        env = {**kafka_process_env, "CRASH_AT": f"{point}:{2 - attempt % 2}"}
        with manage_process("publish_projections", env=env, log=log) as process:
            wait_until(partial(is_confirmed_or_gone, process), seen=log)
            fold_orders(next(seeds))
            assert wait_for_exit(process, log=log) == -signal.SIGKILL, log.read_text()
        fold_orders(next(seeds), orders=2)
        with manage_process("publish_projections", env=kafka_process_env, log=log) as process:
            wait_until(is_confirmed, seen=log)
            process.terminate()
            assert wait_for_exit(process, log=log) == 0, log.read_text()
    assert_published_exactly_once(kafka_topics)


@pytest.mark.chaos
@pytest.mark.long
def test_a_leader_that_was_frozen_cannot_publish_any_more(
    kafka_topics: str, kafka_process_env: dict[str, str], tmp_path: Path
) -> None:
    first_log, second_log = tmp_path / "first.log", tmp_path / "second.log"
    seeds = iter(range(1, 1_000))
    fold_orders(next(seeds))
    with manage_process("publish_projections", env=kafka_process_env, log=first_log) as first:
        wait_until(is_confirmed, seen=first_log)
        with manage_process("publish_projections", env=kafka_process_env, log=second_log) as second:
            wait_until(lambda: "Publishing" in second_log.read_text(), seen=second_log)
            for _ in range(TIMES):
                fold_orders(next(seeds))
                first.send_signal(signal.SIGSTOP)
                wait_until(is_confirmed, seen=second_log)
                fold_orders(next(seeds))
                first.send_signal(signal.SIGCONT)
                fold_orders(next(seeds))
                wait_until(is_confirmed, seen=second_log)
                first, second = second, first
            for process in (first, second):
                process.terminate()
            for process in (first, second):
                assert wait_for_exit(process) == 0, first_log.read_text() + second_log.read_text()
    assert_published_exactly_once(kafka_topics)


def test_of_two_publishers_one_leads(publisher: OutboxPublisher) -> None:
    RelayCheckpoint.objects.update(leased_until=timezone.now() + timedelta(days=1))
    assert not acquire_leadership(publisher.topic, "somebody else")
    release_leadership(publisher.topic, publisher.owner)
    assert acquire_leadership(publisher.topic, "somebody else")
