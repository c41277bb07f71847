"""Records that the previous release wrote are read: the event table is restored from them, and read models follow."""

from __future__ import annotations

import pytest
from django.core.management import call_command

from eventshop.eventstore.backends.protocol import backend
from eventshop.eventstore.models import StoredEvent
from eventshop.messaging.kafka import topics
from eventshop.messaging.kafka.event_records import PARTITIONS, is_structured
from orders.domain.order import Status
from projections.models import OrderSummary
from tests.support.database import empty_tables
from tests.support.kafka import topic_reader
from tests.support.kafka.plain_clients import open_producer
from tests.support.kafka.read_models import assert_read_models_equal_fold, catch_up
from tests.support.kafka.topic_contents import append_orders, relay_all, run_command
from tests.support.order_fulfilment import load_order
from tests.support.previous_release import ORDER, records
from tests.support.waiting import DEADLINE_S

pytestmark = [pytest.mark.postgres, pytest.mark.usefixtures("clean_database")]


def publish_old_records(url: str) -> int:
    old = records()
    producer = open_producer(url)
    for record in old:
        producer.send(topics.event_store_topic(), **record).get(DEADLINE_S)
    producer.close()
    return len(old)


def test_an_old_topic_is_restored_verified_and_projected(kafka_topics: str) -> None:
    count = publish_old_records(kafka_topics)
    call_command("restore_events_from_kafka")
    assert StoredEvent.objects.count() == count
    assert load_order(ORDER).status is Status.SHIPPED
    call_command("verify_log")
    catch_up()
    assert OrderSummary.objects.get(pk=ORDER).status == "SHIPPED"
    assert_read_models_equal_fold()


def test_the_relay_goes_on_behind_old_records_and_both_are_read(kafka_topics: str) -> None:
    """Records of before are in binary mode, new ones in structured mode: on one topic, in one partition."""
    publish_old_records(kafka_topics)
    call_command("restore_events_from_kafka")
    append_orders(20)
    relay_all()
    published = topic_reader.read_committed(kafka_topics, topics.event_store_topic())
    assert len({(record.partition, is_structured(record.headers)) for record in published}) > PARTITIONS
    topic_reader.assert_exactly_once(kafka_topics)
    call_command("verify_log")
    catch_up()
    assert_read_models_equal_fold()
    append_orders(5, seed=2)
    assert run_command("republish_events", verify=True).code == 0
    table = backend().select_events("ORDER BY position", ())
    empty_tables()
    assert run_command("create_topics").code == 0
    call_command("restore_events_from_kafka")
    assert backend().select_events("ORDER BY position", ()) == table
    topic_reader.assert_exactly_once(kafka_topics)
