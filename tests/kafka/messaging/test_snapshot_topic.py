"""Snapshots on their topic: the newest of each stream, ciphertext and tombstones included, and back from there."""

from __future__ import annotations

from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from kafka.admin import ConfigResource, ConfigResourceType

from eventshop.eventstore import command_dispatcher
from eventshop.eventstore.models import Snapshot
from eventshop.eventstore.snapshots import repository
from eventshop.eventstore.snapshots.repository import delete_snapshots
from eventshop.messaging.kafka import clients, topics
from eventshop.messaging.kafka.event_records import partition_for
from eventshop.messaging.relay.leader_election import acquire_leadership
from eventshop.privacy.encryption import personal_keys
from eventshop.projections.models import OutboxRecord
from eventshop.projections.outbox_publisher import OutboxPublisher
from eventshop.runtime.watchdog import Watchdog
from orders.domain.commands import ReceiveStock
from orders.domain.stock_item import stock_item_id
from tests.support.badge_aggregate import MARKER, PERSON, Rename, badges
from tests.support.command_output import numbers_in
from tests.support.kafka import topic_reader
from tests.support.kafka.plain_clients import open_producer
from tests.support.kafka.running_publishers import publish_all

pytestmark = [pytest.mark.postgres, pytest.mark.usefixtures("clean_database", "kafka_topics")]

MUG = stock_item_id("mug")


@pytest.fixture
def publisher(kafka_topics: str) -> Iterator[OutboxPublisher]:
    watchdog = Watchdog()
    publisher = OutboxPublisher(watchdog)
    assert acquire_leadership(publisher.topic, publisher.owner)
    publisher.take_over()
    yield publisher
    publisher.close()
    watchdog.close()


def publish_snapshots(publisher: OutboxPublisher, url: str) -> list[Any]:
    publish_all(publisher)
    return topic_reader.read_committed(url, topics.topic_name("snapshots"))


def take_snapshot(times: int) -> Snapshot:
    for _ in range(times):
        command_dispatcher.send(ReceiveStock(sku="mug", quantity=1, reference="d"))
    assert repository.take_snapshot(MUG)
    return Snapshot.objects.get(pk=MUG)


def printed_numbers(command: str) -> list[int]:
    """The numbers in the last line of a command.

    Of `restore_snapshots`: restored, skipped and foreign records; of `verify_snapshots`: snapshots that the topic has
    as well, those not published yet, and those that only the topic has.
    """
    out = StringIO()
    call_command(command, stdout=out)
    return numbers_in(out.getvalue().splitlines()[-1])


def test_what_is_taken_is_published_and_all_can_be_restored(publisher: OutboxPublisher, kafka_topics: str) -> None:
    take_snapshot(2)
    kept = take_snapshot(1)
    command_dispatcher.send(Rename(PERSON, MARKER), registry=badges)
    assert repository.take_snapshot(PERSON, badges)
    records = publish_snapshots(publisher, kafka_topics)
    assert [record.key for record in records].count(str(MUG).encode()) == 2
    assert all(record.partition == partition_for(MUG) for record in records if record.key == str(MUG).encode())
    assert MARKER.encode() not in b"".join(record.value for record in records)
    before = list(Snapshot.objects.order_by("pk").values())
    Snapshot.objects.all().delete()
    assert printed_numbers("restore_snapshots") == [2, 0, 0]
    assert list(Snapshot.objects.order_by("pk").values()) == before
    assert printed_numbers("restore_snapshots") == [0, 2, 0]
    assert Snapshot.objects.get(pk=MUG).version == kept.version == 3
    assert not OutboxRecord.objects.exists()


def test_table_and_topic_are_compared(publisher: OutboxPublisher, kafka_topics: str) -> None:
    take_snapshot(1)
    assert printed_numbers("verify_snapshots")[:2] == [0, 1]
    publish_snapshots(publisher, kafka_topics)
    assert printed_numbers("verify_snapshots") == [1, 0, 0]
    take_snapshot(1)
    assert printed_numbers("verify_snapshots")[:2] == [0, 1]
    publish_snapshots(publisher, kafka_topics)
    Snapshot.objects.all().delete()
    assert printed_numbers("verify_snapshots")[2:] == [1]


def test_an_erased_persons_snapshot_is_a_tombstone(publisher: OutboxPublisher, kafka_topics: str) -> None:
    command_dispatcher.send(Rename(PERSON, MARKER), registry=badges)
    assert repository.take_snapshot(PERSON, badges)
    personal_keys.destroy_keys(PERSON)
    assert delete_snapshots([PERSON])
    assert [record.value is None for record in publish_snapshots(publisher, kafka_topics)] == [False, True]
    assert printed_numbers("restore_snapshots")[:1] == [0]
    assert not Snapshot.objects.exists()


def test_what_is_none_of_ours_or_of_another_store_is_not_restored(
    publisher: OutboxPublisher, kafka_topics: str
) -> None:
    take_snapshot(1)
    [record] = publish_snapshots(publisher, kafka_topics)
    Snapshot.objects.all().delete()
    foreign = open_producer(kafka_topics)
    name = topics.topic_name("snapshots")
    other = [(key, b"00" if key == "hash" else value) for key, value in record.headers]
    foreign.send(name, key=b"anything", value=b"{}", partition=0)
    foreign.send(name, key=record.key, value=b'{"received":99}', headers=other, partition=record.partition)
    foreign.close()
    with pytest.raises(CommandError, check=lambda error: numbers_in(error) == [1]):
        printed_numbers("verify_snapshots")
    assert printed_numbers("restore_snapshots") == [0, 1, 1]


def test_the_topic_is_compacted_and_lz4(kafka_topics: str) -> None:
    name = topics.topic_name("snapshots")
    with clients.open_admin_client() as admin:
        found = admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name)], config_filter="all")
        assert len(admin.describe_topics([name])[0]["partitions"]) == 12
    config = found["topic"][name]
    assert (config["cleanup.policy"]["value"], config["compression.type"]["value"]) == ("compact", "lz4")
