"""Records that the previous release wrote are read: the event table is restored from them, and read models follow."""

from __future__ import annotations

import pytest
from django.core.management import call_command

from eventshop.eventstore.models import StoredEvent
from eventshop.messaging.kafka import topics
from orders.domain.order import Status
from projections.models import OrderSummary
from tests.support.kafka.plain_clients import open_producer
from tests.support.kafka.read_models import assert_read_models_equal_fold, catch_up
from tests.support.order_fulfilment import load_order
from tests.support.previous_release import ORDER, records
from tests.support.waiting import DEADLINE_S

pytestmark = [pytest.mark.postgres, pytest.mark.usefixtures("clean_database")]


def test_an_old_topic_is_restored_verified_and_projected(kafka_topics: str) -> None:
    old = records()
    producer = open_producer(kafka_topics)
    for record in old:
        producer.send(topics.event_store_topic(), **record).get(DEADLINE_S)
    producer.close()
    call_command("restore_events_from_kafka")
    assert StoredEvent.objects.count() == len(old)
    assert load_order(ORDER).status is Status.SHIPPED
    call_command("verify_log")
    catch_up()
    assert OrderSummary.objects.get(pk=ORDER).status == "SHIPPED"
    assert_read_models_equal_fold()
