"""The tools that compare, restore and republish work where two partitions hold almost all records, at other places."""

from __future__ import annotations

import pytest

from eventshop.eventstore.backends.protocol import backend
from eventshop.eventstore.event_store import store
from eventshop.eventstore.models import StoredEvent
from eventshop.messaging.kafka import topics
from eventshop.messaging.kafka.event_records import partition_for
from eventshop.messaging.reconciliation.ordered_topic_reader import OrderedTopicReader
from eventshop.messaging.reconciliation.partition_reader import PartitionReader
from eventshop.messaging.reconciliation.topic_items import TopicEvent
from orders.domain.events import StockReceived
from orders.domain.stock_item import stock_item_id
from tests.support.database import empty_tables
from tests.support.kafka.topic_contents import append_orders, relay_all, run_command

pytestmark = [pytest.mark.postgres, pytest.mark.usefixtures("clean_database")]

#: Goods that arrive one after the other: while those of one partition are read, the other's reader waits far ahead.
ARRIVALS = [("mug", 4_000), ("pen", 6_000), ("mug", 3_000)]
EVENTS = sum(count for _, count in ARRIVALS)


@pytest.fixture
def unequal_topic(kafka_topics: str) -> str:
    """A topic with `EVENTS` records in two partitions and a few in others, as the relay writes them: compressed."""
    assert partition_for(stock_item_id("mug")) != partition_for(stock_item_id("pen"))
    versions = {"mug": 0, "pen": 0}
    for seed, (sku, count) in enumerate(ARRIVALS, start=1):
        append_orders(1, seed=seed)
        events = [StockReceived(sku, 1, f"delivery {number}") for number in range(count)]
        store.append_events(stock_item_id(sku), events, expected_version=versions[sku])
        versions[sku] += count
    append_orders(1, seed=99)
    relay_all()
    return topics.event_store_topic()


def test_unequal_partitions_are_read_in_order_with_few_records_in_memory(unequal_topic: str) -> None:
    held, positions = 0, []
    with OrderedTopicReader(unequal_topic) as topic:
        reader = PartitionReader(topic.consumer, topic.span)
        for _, item in reader:
            assert isinstance(item, TopicEvent)
            positions.append(item.row.position)
            held = max(held, reader.records_in_memory)
    assert positions == list(StoredEvent.objects.order_by("position").values_list("position", flat=True))
    assert held < EVENTS / 3


def test_unequal_partitions_are_verified_and_restored(unequal_topic: str) -> None:
    events = backend().select_events("ORDER BY position", ())
    assert len({partition_for(row.aggregate_id) for row in events}) > 1
    verified = run_command("verify_log")
    assert (verified.code, verified.comparison) == (0, [len(events), events[-1].position, 0, 0, 0])
    empty_tables()
    assert run_command("create_topics").code == 0
    restored = run_command("restore_events_from_kafka", verify=True, processes=2)
    assert (restored.code, restored.failure) == (0, "")
    assert backend().select_events("ORDER BY position", ()) == events


def test_a_topic_of_unequal_partitions_is_continued(unequal_topic: str) -> None:
    append_orders(5, seed=100)
    republished = run_command("republish_events", verify=True)
    assert (republished.code, republished.failure) == (0, "")
    assert run_command("verify_log").comparison[0] == StoredEvent.objects.count()
