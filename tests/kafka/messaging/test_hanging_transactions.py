"""Transactions that a broker forgot to end: nobody waits for them for ever, and every event stays exactly once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from kafka.admin import ConfigResource, ConfigResourceType

from eventshop.messaging.kafka import clients, hanging_transactions, topics
from eventshop.messaging.kafka.event_records import PARTITIONS
from eventshop.messaging.kafka.topic_end import read_topic_end
from eventshop.messaging.models import RelayCheckpoint
from eventshop.messaging.relay import event_relay
from tests.support.kafka.plain_clients import open_admin
from tests.support.kafka.publication_check import assert_all_visible
from tests.support.kafka.topic_contents import Record, append_orders, relay_all, table_records
from tests.support.waiting import DEADLINE_S, wait_until

pytestmark = [pytest.mark.postgres, pytest.mark.usefixtures("clean_database")]


@pytest.fixture(autouse=True)
def limits_of_production(kafka_topics: str, settings: Any) -> None:
    """These tests wait for what never comes; on a broker that is only slow the limits of other tests are longer."""
    settings.KAFKA_MIN_TIMEOUT_S = 0


@pytest.fixture
def forgetful_broker(kafka_topics: str) -> Iterator[str]:
    """A broker that takes records of a transaction whose coordinator knows nothing of them."""
    admin = open_admin(kafka_topics)
    [broker] = [str(broker["broker_id"]) for broker in admin.describe_cluster()["brokers"]]

    def verify(said: str) -> None:
        config = {"transaction.partition.verification.enable": said}
        admin.alter_configs([ConfigResource(ConfigResourceType.BROKER, broker, configs=config)])
        # The controller answers before the broker knows of the change.
        wait_until(lambda: verifies() == said, seen=verifies)

    def verifies() -> str:
        asked = [ConfigResource(ConfigResourceType.BROKER, broker)]
        configs = admin.describe_configs(asked, config_filter="all")["broker"][broker]
        return str(configs["transaction.partition.verification.enable"]["value"])

    verify("false")
    yield kafka_topics
    verify("true")
    admin.close()


def send_with_lost_markers(planted: list[Record], *, forgotten: set[int]) -> None:
    """The relay's transaction with these records: committed, but never ended in the forgotten partitions."""
    producer = clients.create_producer(f"eventshop-relay-{topics.event_store_topic()}")
    producer.init_transactions()
    producer.begin_transaction()
    for number in forgotten:
        producer._transaction_manager._partitions_in_transaction.add(
            clients.TopicPartition(topics.event_store_topic(), number)
        )
    futures = [
        producer.send(
            topics.event_store_topic(),
            key=record.key,
            value=record.value,
            headers=record.headers,
            partition=record.partition,
        )
        for record in planted
    ]
    producer.flush()
    for future in futures:
        future.get(timeout=0.001)
    if {record.partition for record in planted} - forgotten:
        producer.commit_transaction()
    producer.close(timeout=0)


def record_confirmed(position: int) -> None:
    RelayCheckpoint.objects.update_or_create(topic=topics.event_store_topic(), defaults={"position": position})


def endings(caplog: pytest.LogCaptureFixture) -> list[tuple[object, object]]:
    """How each hanging transaction was ended, with the position of its first event, from the log."""
    errors = [record.args for record in caplog.records if record.name == hanging_transactions.log.name]
    return [(args[2], args[3]) for args in errors if isinstance(args, tuple) and len(args) == 5]


def test_what_hangs_in_some_partitions_is_committed(forgetful_broker: str, caplog: pytest.LogCaptureFixture) -> None:
    append_orders(10)
    relay_all()
    append_orders(10, seed=2)
    fresh = table_records()[read_topic_end(topics.event_store_topic(), PARTITIONS).position :]
    forgotten = {fresh[0].partition, fresh[-1].partition}
    assert {record.partition for record in fresh} > forgotten
    send_with_lost_markers(fresh, forgotten=forgotten)
    assert {record.partition for record in fresh} - forgotten
    append_orders(5, seed=3)
    relay_all()
    assert {verb for verb, _ in endings(caplog)} == {"committing"}
    assert_all_visible(forgetful_broker)


def test_what_hangs_whole_and_was_confirmed_is_committed(
    forgetful_broker: str, caplog: pytest.LogCaptureFixture
) -> None:
    append_orders(10)
    send_with_lost_markers(table_records(), forgotten=set(range(PARTITIONS)))
    record_confirmed(len(table_records()))
    relay_all()
    assert endings(caplog) == [("committing", 1)]
    assert_all_visible(forgetful_broker)


def test_what_hangs_whole_and_was_not_confirmed_is_sent_again(
    forgetful_broker: str, caplog: pytest.LogCaptureFixture
) -> None:
    append_orders(10)
    send_with_lost_markers(table_records()[:-3], forgotten=set(range(PARTITIONS)))
    relay_all()
    assert endings(caplog) == [("aborting", 1)]
    assert_all_visible(forgetful_broker)


def test_what_others_have_open_is_left_to_them(kafka_topics: str, monkeypatch: pytest.MonkeyPatch) -> None:
    append_orders(3)
    relay_all()
    stranger = clients.create_producer("a stranger")
    stranger.init_transactions()
    stranger.begin_transaction()
    stranger.send(topics.event_store_topic(), key=b"?", value=b"?", partition=0).get(DEADLINE_S)
    monkeypatch.setattr(hanging_transactions, "MARKER_WAIT_S", 0.2)
    ended = hanging_transactions.end_hanging_transactions(
        f"eventshop-relay-{topics.event_store_topic()}",
        {topics.event_store_topic(): PARTITIONS},
        position_of=lambda record: 1,
        confirmed=1,
    )
    assert ended == 0
    stranger.abort_transaction()
    stranger.close()


def test_a_leader_notices_that_what_it_wrote_is_not_shown(
    forgetful_broker: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    append_orders(3)
    monkeypatch.setattr(hanging_transactions, "CHECK_INTERVAL_S", 0.0)
    shown = hanging_transactions.StalledVisibilityMonitor({topics.event_store_topic(): PARTITIONS})
    shown.check(1)
    send_with_lost_markers(table_records(), forgotten=set(range(PARTITIONS)))
    shown.check(2)  # not for long yet
    monkeypatch.setattr(hanging_transactions, "STALL_LIMIT_S", 0.0)
    with pytest.raises(clients.KafkaUnavailable, match=r"event-store/\d"):
        shown.check(2)
    shown.close()


def test_what_one_partition_lost_is_sent_again(kafka_topics: str, caplog: pytest.LogCaptureFixture) -> None:
    append_orders(30)
    everything = table_records()
    robbed = next(record.partition for record in reversed(everything) if record.partition != everything[-1].partition)
    lost = [record for record in everything if record.partition == robbed][-4:]
    send_with_lost_markers([record for record in everything if record not in lost], forgotten=set())
    relay_all()
    errors = [record.args for record in caplog.records if record.name == event_relay.log.name]
    assert (len(lost), lost[0].row.position) in errors
    assert_all_visible(kafka_topics)
