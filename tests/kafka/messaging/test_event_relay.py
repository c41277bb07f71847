"""The relay on a real broker: every event exactly once and in order, whatever is killed at whatever moment."""

from __future__ import annotations

import re
import signal
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from threading import Timer
from typing import Any

import pytest
from django.utils import timezone

from eventshop.core.errors import ProgramTooOld
from eventshop.core.messages import Envelope, new_id
from eventshop.eventstore import command_dispatcher
from eventshop.eventstore.backends.protocol import backend
from eventshop.eventstore.tail_reader import TailReader
from eventshop.messaging.kafka import topics
from eventshop.messaging.kafka.event_records import PARTITIONS, decode_record
from eventshop.messaging.kafka.topic_end import read_topic_end
from eventshop.messaging.models import RelayCheckpoint
from eventshop.messaging.relay.event_batches import RelayStopped
from eventshop.messaging.relay.event_relay import EventRelay
from eventshop.messaging.relay.leader_election import (
    LEASE_DURATION,
    STANDBY_POLL_S,
    acquire_leadership,
    release_leadership,
)
from eventshop.runtime import tracing
from eventshop.runtime.trace_export import start_tracing
from eventshop.runtime.watchdog import Watchdog
from orders.domain.commands import CancelOrder, CreateOrder, RecordObservedPayment
from orders.domain.events import Line
from tests.support import chaos
from tests.support.chaos import crash_points
from tests.support.database import count_round_trips
from tests.support.kafka import topic_contents, topic_reader
from tests.support.kafka.plain_clients import open_producer
from tests.support.processes import manage_process
from tests.support.tally_aggregate import pounds
from tests.support.traces import read_spans
from tests.support.waiting import join_threads, wait_for_exit, wait_until

pytestmark = [pytest.mark.postgres, pytest.mark.usefixtures("clean_database")]

#: How often each crash point is tried; `make chaos` asks for more.
TIMES = chaos.times(1)


def create_orders(count: int) -> None:
    """That many orders, two events each."""
    for start in range(0, count, 100):
        batch: list[tuple[Any, Envelope]] = []
        for number_ in range(start, min(start + 100, count)):
            order_id = new_id()
            line = Line(sku=f"sku-{number_ % 7}", description="thing", quantity=1, price=pounds("2.50"))
            created = CreateOrder(order_id=order_id, reference=f"R{number_}", customer_id=None, lines=(line,))
            paid = RecordObservedPayment(order_id=order_id, amount=pounds("2.50"), method="card")
            batch += [(created, Envelope(new_id())), (paid, Envelope(new_id()))]
        command_dispatcher.send_many(batch)


@pytest.fixture
def leading(kafka_topics: str) -> Iterator[EventRelay]:
    """A relay that leads, in this process."""
    with topic_contents.running_relay() as leading:
        yield leading


def test_every_event_reaches_kafka_once_and_in_order(leading: EventRelay, kafka_topics: str) -> None:
    create_orders(150)
    assert topic_contents.publish_events(leading) == 300
    topic_reader.assert_exactly_once(kafka_topics)
    assert topic_contents.publish_events(leading) == 0


def test_a_record_says_everything_about_its_event(leading: EventRelay, kafka_topics: str) -> None:
    envelope = Envelope(new_id(), "ada", None, new_id(), new_id(), new_id(), 7, {"traceparent": "00-ab"})
    line = Line(sku="a", description="b", quantity=2, price=pounds("1.50"))
    created = CreateOrder(order_id=new_id(), reference="R", customer_id=None, lines=(line,))
    command_dispatcher.send(created, envelope=envelope)
    topic_contents.publish_events(leading)
    [record] = topic_reader.read_committed(kafka_topics, topics.event_store_topic())
    assert record.headers == [("content-type", b"application/cloudevents+avro")]
    row = topic_reader.decode_row(record)
    assert (row.event_type, row.aggregate_id, row.sequence_number) == ("OrderCreated", created.order_id, 8)
    assert (row.correlation_id, row.causation_id) == (envelope.correlation_id, envelope.causation_id)
    assert (row.saga_id, row.metadata) == (envelope.saga_id, '{"traceparent":"00-ab"}')
    topic_reader.assert_exactly_once(kafka_topics)


def test_while_tracing_is_on_a_record_brings_its_trace_and_still_equals_its_event(
    leading: EventRelay, kafka_topics: str, tmp_path: Path
) -> None:
    start_tracing(service="tests", endpoint="", file=str(tmp_path / "spans"))
    try:
        create_orders(1)
        topic_contents.publish_events(leading)
    finally:
        tracing.use_tracer(None)
    spans = {span.name: span for span in read_spans(tmp_path / "spans")}
    records = topic_reader.read_committed(kafka_topics, topics.event_store_topic())
    carried = [dict(record.headers)["traceparent"].decode().split("-")[2] for record in records]
    assert carried == [spans["command CreateOrder"].span_id, spans["command RecordObservedPayment"].span_id]
    assert set(spans[f"publish {leading.topic}"].links) == set(carried)
    assert "agree" in topic_contents.run_command("verify_log").out


def test_the_last_event_of_each_command_brings_its_receipt(leading: EventRelay, kafka_topics: str) -> None:
    create_orders(1)
    [created, _] = backend().select_events("ORDER BY position", ())
    command_dispatcher.send(CancelOrder(order_id=created.aggregate_id, reason="changed their mind"))
    assert [leading.publish_batch(limit=3), leading.publish_batch()] == [
        3,
        1,
    ]  # its two events come in two transactions
    records = topic_reader.read_committed(kafka_topics, topics.event_store_topic())
    found = {
        row.event_type: decode_record(record.value, record.headers)[1]
        for record in records
        for row in [topic_reader.decode_row(record)]
    }
    assert found.pop("OrderCancelled") is None
    commands = [row.command_id for row in backend().select_events("WHERE version <> 3", ())]
    assert sorted(filter(None, found.values())) == sorted(backend().load_receipts(commands))
    assert len(commands) == len(found) == 3


def test_a_batch_is_read_in_three_round_trips(leading: EventRelay) -> None:
    """The fence, the events, the receipts; the checkpoint is written once a second only."""
    create_orders(20)
    assert leading.publish_batch(limit=10) == 10  # the statements are prepared from now on
    leading.source = TailReader()
    assert count_round_trips(lambda: leading.publish_batch(limit=10)) == 3


def test_what_was_read_ahead_goes_out_once_and_in_order(leading: EventRelay, kafka_topics: str) -> None:
    create_orders(5)
    rounds = [(leading.publish_batch(limit=3), leading.has_more) for _ in range(6)]
    assert rounds == [(3, True), (3, True), (3, True), (1, False), (0, False), (0, False)]
    topic_reader.assert_exactly_once(kafka_topics)


def test_an_event_that_cannot_be_written_holds_up_none_before_it(leading: EventRelay, kafka_topics: str) -> None:
    create_orders(1)
    [last] = backend().select_events("ORDER BY position DESC LIMIT 1", ())
    nameless = last._replace(event_id=new_id(), aggregate_id=new_id(), version=1, event_type="NeverPublished")
    backend().append_events([nameless])
    assert leading.publish_batch(limit=2) == 2  # while these were on their way, it was read ahead
    with pytest.raises(ProgramTooOld, match=rf"NeverPublished.* position {last.position + 1}"):
        leading.publish_batch(limit=2)
    assert len(topic_reader.read_committed(kafka_topics, topics.event_store_topic())) == 2


def test_a_successor_goes_on_where_kafka_is(leading: EventRelay, kafka_topics: str) -> None:
    create_orders(30)
    assert leading.publish_batch(limit=25) == 25
    leading.close()
    RelayCheckpoint.objects.update(position=0)  # however little the checkpoint knows
    successor = EventRelay(Watchdog())
    assert acquire_leadership(successor.topic, successor.owner)
    successor.take_over()
    assert successor.position == 25
    assert topic_contents.publish_events(successor) == 35
    successor.close()
    topic_reader.assert_exactly_once(kafka_topics)


def test_a_successor_waits_for_what_kafka_does_not_show_yet(leading: EventRelay, kafka_topics: str) -> None:
    """A commit is confirmed before readers see it; a broker that dies in between shows it long after it is back."""
    create_orders(10)
    assert leading.publish_batch(limit=12) == 12
    leading.close()
    late = open_producer(kafka_topics, transactional_id=f"late-{new_id()}")
    late.init_transactions()
    late.begin_transaction()
    for record in topic_contents.table_records()[12:]:
        late.send(leading.topic, key=record.key, value=record.value, headers=record.headers, partition=record.partition)
    late.flush()
    successor = EventRelay(Watchdog())
    assert acquire_leadership(successor.topic, successor.owner)
    shown = Timer(1.0, late.commit_transaction)
    shown.start()
    successor.take_over()
    join_threads(shown)
    late.close()
    assert successor.position == 20
    assert topic_contents.publish_events(successor) == 0
    successor.close()
    topic_reader.assert_exactly_once(kafka_topics)


def test_of_two_relays_one_leads(leading: EventRelay) -> None:
    RelayCheckpoint.objects.update(leased_until=timezone.now() + timedelta(days=1))
    assert not acquire_leadership(leading.topic, "somebody else")
    release_leadership(leading.topic, leading.owner)
    assert acquire_leadership(leading.topic, "somebody else")


def test_kafka_behind_what_it_confirmed_stops_the_relay(leading: EventRelay) -> None:
    create_orders(5)
    topic_contents.publish_events(leading)
    leading.close()
    RelayCheckpoint.objects.update(position=1_000, owner="", leased_until=None)
    late = EventRelay(Watchdog())
    assert acquire_leadership(late.topic, late.owner)
    with pytest.raises(RelayStopped, match=r"\b1000\b"):
        late.take_over()


def test_the_command_says_why_it_stops_and_goes_on_when_told_to(
    leading: EventRelay, kafka_process_env: dict[str, str], tmp_path: Path
) -> None:
    leading.close()
    create_orders(5)
    RelayCheckpoint.objects.update(position=1_000, owner="", leased_until=None)
    log = tmp_path / "relay.log"
    with manage_process("relay", env=kafka_process_env, log=log):
        wait_until(lambda: RelayCheckpoint.objects.exclude(stopped_at=None).exists(), seen=log)
        stopped = RelayCheckpoint.objects.get(topic=leading.topic)
        assert re.search(r"\b1000\b.*create_topics --forget", stopped.stopped_reason)
        assert stopped.stopped_reason in log.read_text() and not stopped.owner
        topics.forget_topic(leading.topic)
        topic_contents.run_command("create_topics")
        wait_until(lambda: published_position() == newest_stored_position(), seen=log)
        assert not RelayCheckpoint.objects.exclude(stopped_reason="").exists()


@pytest.mark.chaos
@pytest.mark.parametrize("point", crash_points("relay."))
def test_a_relay_killed_at_any_point_loses_and_repeats_nothing(
    point: str, kafka_topics: str, kafka_process_env: dict[str, str], tmp_path: Path
) -> None:
    log = tmp_path / "relay.log"
    for attempt in range(TIMES):
        create_orders(40)
        # The second time the point is passed there are events of an earlier transaction on the topic already.
        env = {**kafka_process_env, "CRASH_AT": f"{point}:{2 - attempt % 2}"}
        with manage_process("relay", env=env, log=log) as process:
            wait_until(partial(is_published_or_gone, process), seen=log)
            create_orders(20)
            assert wait_for_exit(process, log=log) == -signal.SIGKILL, log.read_text()
        create_orders(5)
        with manage_process("relay", env=kafka_process_env, log=log) as process:
            wait_until(lambda: published_position() == newest_stored_position(), seen=log)
            process.terminate()
            assert wait_for_exit(process, log=log) == 0, log.read_text()
    topic_reader.assert_exactly_once(kafka_topics)


@pytest.mark.chaos
def test_a_leader_that_was_frozen_cannot_publish_any_more(
    kafka_topics: str, kafka_process_env: dict[str, str], tmp_path: Path
) -> None:
    # A standby leads at the latest so long after the last renewal; the rest of ten seconds is for taking over. How long
    # that takes on three brokers is measured in test_cluster_faults.py.
    assert LEASE_DURATION.total_seconds() + STANDBY_POLL_S <= 5
    first_log, second_log = tmp_path / "first.log", tmp_path / "second.log"
    create_orders(50)
    with manage_process("relay", env=kafka_process_env, log=first_log) as first:
        wait_until(lambda: published_position() == newest_stored_position(), seen=first_log)
        with manage_process("relay", env=kafka_process_env, log=second_log) as second:
            wait_until(lambda: "Relaying" in second_log.read_text(), seen=second_log)
            for _ in range(TIMES):
                create_orders(200)
                first.send_signal(signal.SIGSTOP)
                wait_until(
                    lambda: published_position() == newest_stored_position(),
                    seen=second_log,
                )
                create_orders(200)
                first.send_signal(signal.SIGCONT)
                create_orders(50)
                wait_until(lambda: published_position() == newest_stored_position(), seen=second_log)
                first, second = second, first
            topic_reader.assert_exactly_once(kafka_topics)
            for process in (first, second):
                process.terminate()
            for process in (first, second):
                assert wait_for_exit(process) == 0, first_log.read_text() + second_log.read_text()
    topic_reader.assert_exactly_once(kafka_topics)


def published_position() -> int:
    """The highest position that Kafka holds."""
    return read_topic_end(topics.event_store_topic(), PARTITIONS).position


def is_published_or_gone(process: subprocess.Popen[bytes]) -> bool:
    return published_position() == newest_stored_position() or process.poll() is not None


def newest_stored_position() -> int:
    return backend().select_events("ORDER BY position DESC LIMIT 1", ())[0].position
