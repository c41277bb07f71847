"""Events of earlier versions on the topic are read as today's, and stay there as they were."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from eventshop.eventstore.command_dispatcher import send
from eventshop.messaging.kafka import event_records, topics
from eventshop.messaging.relay.event_relay import EventRelay
from projections.models import ActivityTimeline, OrderSummary, UserProfile
from tests.support.customers import sign_in_customer
from tests.support.earlier_event_versions import ADA, ORDER, ORDER_EVENTS, PERSON_EVENTS, append_earlier_events
from tests.support.kafka import topic_reader
from tests.support.kafka.read_models import assert_read_models_equal_fold, catch_up
from tests.support.kafka.topic_contents import publish_events, running_relay
from users.domain.commands import RestrictProcessing

pytestmark = [pytest.mark.postgres, pytest.mark.usefixtures("clean_database")]


@pytest.fixture
def relay(kafka_topics: str) -> Iterator[EventRelay]:
    with running_relay() as leading:
        yield leading


def test_what_lies_on_the_topic_in_earlier_shapes_is_folded_as_todays(relay: EventRelay, kafka_topics: str) -> None:
    append_earlier_events(ORDER, "Order", *ORDER_EVENTS)
    _, person = sign_in_customer()
    send(RestrictProcessing(person, "asked"))
    lifted = [(name, version, text.replace(str(ADA), str(person))) for name, version, text in PERSON_EVENTS]
    append_earlier_events(person, "User", *lifted)
    publish_events(relay)
    lying = [
        event_records.decode_event(record.value, record.headers)
        for record in topic_reader.read_committed(kafka_topics, topics.event_store_topic())
    ]
    assert {*ORDER_EVENTS, *lifted} <= {(row.event_type, row.schema_version, row.payload) for row in lying}
    catch_up()
    row = OrderSummary.objects.get(pk=ORDER)
    assert (row.status, row.carrier, row.tracking) == ("DELIVERED", "Royal Mail Tracked 48", "RM1")
    assert not UserProfile.objects.get(pk=person).restricted
    kinds = set(ActivityTimeline.objects.values_list("event_type", flat=True))
    assert "ProcessingResumed" in kinds
    assert "RestrictionLifted" not in kinds
    assert_read_models_equal_fold()
