"""Compaction: a tombstone erases exactly one event, from Kafka's disk too, and everything else goes on."""

from __future__ import annotations

from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from kafka.admin import ConfigResource, ConfigResourceType

from deploy.stack import Stack
from eventshop.core.messages import new_id
from eventshop.eventstore import command_dispatcher
from eventshop.messaging.kafka import topics
from eventshop.projections.models import UnreadableRecord
from eventshop.projections.projection import projection_registry
from orders.domain.commands import CreateOrder
from orders.domain.events import Line
from tests.support.command_output import numbers_in
from tests.support.database import empty_tables
from tests.support.kafka import topic_reader
from tests.support.kafka.plain_clients import open_admin
from tests.support.kafka.read_models import assert_read_models_equal_fold, catch_up
from tests.support.kafka.topic_contents import (
    Record,
    append_orders,
    relay_all,
    run_command,
    send,
    table_records,
    tombstone,
)
from tests.support.tally_aggregate import pounds
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.postgres, pytest.mark.usefixtures("clean_database")]

#: No digit of an id: what occurs nowhere else is found as it is, also in what is compressed.
LETTERS = str.maketrans("0123456789abcdef", "ghijklmnopqrstuv")
#: Instead of once a day and when most of it is stale, each partition is compacted within seconds.
SOON = {
    "segment.ms": "500",
    "min.cleanable.dirty.ratio": "0.01",
    "max.compaction.lag.ms": "1000",
    "file.delete.delay.ms": "100",
}


@pytest.fixture
def compacting(kafka_topics: str) -> Iterator[str]:
    """A topic whose closed segments are compacted when the broker's cleaner looks next, once something is appended.

    The cleaner looks every 15 s. Telling it at run time to look more often restarts it, after which it sometimes cleans
    nothing any more.
    """
    admin = open_admin(kafka_topics)
    admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topics.event_store_topic(), configs=SOON)])
    yield kafka_topics
    admin.close()


def secret() -> str:
    """An order with a description that stands nowhere else, somewhere among others."""
    append_orders(5)
    word = new_id().hex.translate(LETTERS)
    line = Line(sku="a", description=word, quantity=1, price=pounds("2.50"))
    command_dispatcher.send(CreateOrder(order_id=new_id(), reference="R", customer_id=None, lines=(line,)))
    append_orders(5, seed=2)
    return word


def on_disk(stack: Stack, word: str) -> bool:
    logs = Path(stack.folder.path).glob(f"kafka/data-*/{topics.event_store_topic()}-*/*.log")
    return any(word.encode() in file.read_bytes() for file in logs)


def newest_records(url: str) -> dict[bytes, Any]:
    """What lies on the topic, by key; no key twice."""
    found = topic_reader.read_committed(url, topics.event_store_topic())
    assert len({record.key for record in found}) == len(found)
    return {record.key: (record.value, record.headers) for record in found}


def test_a_tombstone_erases_exactly_one_event(stack: Stack, compacting: str) -> None:
    word = secret()
    relay_all()
    catch_up()
    assert on_disk(stack, word)
    before = newest_records(compacting)
    [erased] = [record for record in table_records() if word in record.row.payload]
    send(compacting, [tombstone(erased, last_record_of(erased.partition))])
    assert on_disk(stack, word)

    seed = iter(range(3, 1_000))

    def compacted() -> bool:
        append_orders(15, seed=next(seed))  # segments are closed by what comes next
        relay_all()
        return not on_disk(stack, word)

    wait_until(compacted, seen="the word is still in a segment on disk")
    after = newest_records(compacting)
    assert after.pop(erased.key)[0] is None
    del before[erased.key]
    assert {key: after[key] for key in before} == before  # to the last byte
    assert len(after) == len(table_records()) - 1

    verified = run_command("verify_log")
    assert verified.code == 0, verified.failure
    assert any(line.endswith(f" {erased.key.decode()}") for line in verified.out.splitlines())
    catch_up()  # past the tombstone
    assert_read_models_equal_fold()
    for projection in projection_registry.select([]):  # and once more from the beginning, where there is a hole now
        call_command("rebuild_projection", projection.name, stdout=StringIO())
    assert_read_models_equal_fold()
    assert not UnreadableRecord.objects.exists()
    restore_without_the_event()


def restore_without_the_event() -> None:
    """Nothing follows the erased event in its stream: all others come back, and it is said that it is gone."""
    others = len(table_records()) - 1
    empty_tables()
    assert run_command("create_topics").code == 0
    restored = run_command("restore_events_from_kafka")
    assert (restored.code, numbers_in(restored.failure)) == (1, [1])
    assert numbers_in(restored.out.splitlines()[-1])[0] == others
    assert len(table_records()) == others
    verified = run_command("verify_log")
    assert (verified.code, verified.failure) == (0, "")
    assert verified.comparison[5] == 1


def last_record_of(partition: int) -> Record:
    return [record for record in table_records() if record.partition == partition][-1]
