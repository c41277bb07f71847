"""The relay on a real broker: every event exactly once and in order, whatever is killed at whatever moment."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from eventshop.core.message import Envelope, new_id
from eventshop.log import topics
from eventshop.log.crash import POINTS
from eventshop.log.kafka_tail import tail_of
from eventshop.log.leading import give_up_lead, take_lead
from eventshop.log.models import RelayCheckpoint
from eventshop.log.records import PARTITIONS, key_of, number, partition_of
from eventshop.log.relay import Relay, RelayStopped
from eventshop.log.watchdog import Watchdog
from eventshop.store import dispatch
from eventshop.store.engine import engine
from orders.commands import CreateOrder, ProcessPayment
from orders.events import Line
from tests.kafka import topic
from tests.processes import running, until
from tests.tally import pounds

pytestmark = [pytest.mark.postgres, pytest.mark.usefixtures("clean_database")]

#: How often each crash point is tried; `make chaos` asks for more.
TIMES = int(os.environ.get("CHAOS_TIMES", "3"))


def order(count: int) -> None:
    """That many orders, two events each."""
    for start in range(0, count, 100):
        batch: list[tuple[Any, Envelope]] = []
        for number_ in range(start, min(start + 100, count)):
            order_id = new_id()
            line = Line(sku=f"sku-{number_ % 7}", description="thing", quantity=1, price=pounds("2.50"))
            created = CreateOrder(order_id=order_id, reference=f"R{number_}", customer_id=None, lines=(line,))
            paid = ProcessPayment(order_id=order_id, amount=pounds("2.50"), method="card")
            batch += [(created, Envelope(new_id())), (paid, Envelope(new_id()))]
        dispatch.send_many(batch)


@pytest.fixture
def leading(kafka_topics: str) -> Iterator[Relay]:
    """A relay that leads, in this process."""
    watchdog = Watchdog()
    relay = Relay(watchdog)
    assert take_lead(relay.topic, relay.owner)
    relay.take_over()
    yield relay
    relay.close()
    watchdog.close()


def relay_all(relay: Relay) -> int:
    count = 0
    while published := relay.advance():
        count += published
    return count


def exactly_once(url: str) -> None:
    """The topic holds what the table holds: the same rows, each once, in order, numbered without a gap."""
    records = topic.committed(url, topics.event_store())
    table = engine().select("ORDER BY position", ())
    assert [row.position for row in topic.rows(url, topics.event_store())] == [row.position for row in table]
    assert topic.rows(url, topics.event_store()) == table
    sequences: dict[int, list[int]] = {}
    versions: dict[UUID, int] = {}
    for record in records:
        sequences.setdefault(record.partition, []).append(number(record.headers, "partition-sequence"))
        aggregate = UUID(dict(record.headers)["ce_subject"].decode())
        version = number(record.headers, "version")
        assert version == versions.get(aggregate, 0) + 1
        versions[aggregate] = version
        assert record.partition == partition_of(aggregate)
        assert record.key == key_of(aggregate, version)
    for found in sequences.values():
        assert found == list(range(1, len(found) + 1))


def test_every_event_reaches_kafka_once_and_in_order(leading: Relay, kafka_topics: str) -> None:
    order(150)
    assert relay_all(leading) == 300
    exactly_once(kafka_topics)
    assert relay_all(leading) == 0


def test_a_record_says_everything_about_its_event(leading: Relay, kafka_topics: str) -> None:
    envelope = Envelope(new_id(), "ada", None, new_id(), new_id(), new_id(), 7, {"traceparent": "00-ab"})
    line = Line(sku="a", description="b", quantity=2, price=pounds("1.50"))
    created = CreateOrder(order_id=new_id(), reference="R", customer_id=None, lines=(line,))
    dispatch.send(created, envelope=envelope)
    relay_all(leading)
    [record] = topic.committed(kafka_topics, topics.event_store())
    headers = dict(record.headers)
    assert headers["ce_specversion"] == b"1.0"
    assert headers["ce_type"] == b"OrderCreated"
    assert headers["ce_subject"] == str(created.order_id).encode()
    assert headers["correlation-id"] == str(envelope.correlation_id).encode()
    assert headers["causation-id"] == str(envelope.causation_id).encode()
    assert headers["saga-id"] == str(envelope.saga_id).encode()
    assert headers["sequence"] == b"8"
    exactly_once(kafka_topics)


def test_a_successor_goes_on_where_kafka_is(leading: Relay, kafka_topics: str) -> None:
    order(30)
    assert leading.advance(limit=25) == 25
    leading.close()
    RelayCheckpoint.objects.update(position=0)  # however little the checkpoint knows
    successor = Relay(Watchdog())
    assert take_lead(successor.topic, successor.owner)
    successor.take_over()
    assert successor.position == 25
    assert relay_all(successor) == 35
    successor.close()
    exactly_once(kafka_topics)


def test_of_two_relays_one_leads(leading: Relay) -> None:
    assert not take_lead(leading.topic, "somebody else")
    give_up_lead(leading.topic, leading.owner)
    assert take_lead(leading.topic, "somebody else")


def test_kafka_behind_what_it_confirmed_stops_the_relay(leading: Relay) -> None:
    order(5)
    relay_all(leading)
    leading.close()
    RelayCheckpoint.objects.update(position=1_000, owner="", leased_until=None)
    late = Relay(Watchdog())
    assert take_lead(late.topic, late.owner)
    with pytest.raises(RelayStopped, match="position 1000 was confirmed"):
        late.take_over()


def test_the_command_says_why_it_stops(leading: Relay, kafka_process_env: dict[str, str], tmp_path: Path) -> None:
    leading.close()
    RelayCheckpoint.objects.update(position=1_000, owner="", leased_until=None)
    log = tmp_path / "relay.log"
    with running("relay", env=kafka_process_env, log=log) as process:
        assert process.wait(30) == 1
    assert "Kafka lost events or was replaced" in log.read_text()


@pytest.mark.chaos
@pytest.mark.parametrize("point", [name for name in POINTS if name.startswith("relay.")])
def test_a_relay_killed_at_any_point_loses_and_repeats_nothing(
    point: str, kafka_topics: str, kafka_process_env: dict[str, str], tmp_path: Path
) -> None:
    log = tmp_path / "relay.log"
    for attempt in range(TIMES):
        order(40)
        # The second time the point is passed there are events of an earlier transaction on the topic already.
        env = {**kafka_process_env, "CRASH_AT": f"{point}:{1 + attempt % 2}"}
        with running("relay", env=env, log=log) as process:
            until(partial(relayed_or_gone, process), what="relayed or killed")
            order(20)
            assert process.wait(30) == -signal.SIGKILL, log.read_text()
        order(5)
        with running("relay", env=kafka_process_env, log=log) as process:
            until(lambda: relayed() == newest(), what="everything relayed")
            process.terminate()
            assert process.wait(20) == 0, log.read_text()
    exactly_once(kafka_topics)


@pytest.mark.chaos
def test_a_leader_that_was_frozen_cannot_publish_any_more(
    kafka_topics: str, kafka_process_env: dict[str, str], tmp_path: Path
) -> None:
    first_log, second_log = tmp_path / "first.log", tmp_path / "second.log"
    order(50)
    with running("relay", env=kafka_process_env, log=first_log) as first:
        until(lambda: relayed() == newest(), what="the first leads")
        with running("relay", env=kafka_process_env, log=second_log) as second:
            for _ in range(TIMES):
                order(200)
                first.send_signal(signal.SIGSTOP)
                until(lambda: relayed() == newest(), within_s=40, what="the second has taken over")
                order(200)
                first.send_signal(signal.SIGCONT)
                order(50)
                until(lambda: relayed() == newest(), what="both awake")
                first, second = second, first
            exactly_once(kafka_topics)
            for process in (first, second):
                process.terminate()
            for process in (first, second):
                assert process.wait(20) == 0, first_log.read_text() + second_log.read_text()
    exactly_once(kafka_topics)


def relayed() -> int:
    """The highest position that Kafka holds."""
    return tail_of(topics.event_store(), PARTITIONS).position


def relayed_or_gone(process: subprocess.Popen[bytes]) -> bool:
    return relayed() == newest() or process.poll() is not None


def newest() -> int:
    return engine().select("ORDER BY position DESC LIMIT 1", ())[0].position
