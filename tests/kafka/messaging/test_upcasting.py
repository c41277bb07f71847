"""Events of earlier versions on the topic are read as today's, and stay there as they were."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from eventshop.eventstore.command_dispatcher import send
from eventshop.messaging.kafka import event_records, topics
from eventshop.messaging.relay.event_relay import Relay
from eventshop.messaging.relay.leader_election import take_lead
from eventshop.runtime.watchdog import Watchdog
from projections.models import ActivityTimeline, OrderSummary, UserProfile
from tests.support.customers import customer
from tests.support.earlier_event_versions import ADA, OF_A_PERSON, OF_AN_ORDER, ORDER, stored
from tests.support.kafka import topic_reader
from tests.support.kafka.read_models import caught_up, equal_the_fold
from users.domain.commands import RestrictProcessing

pytestmark = [pytest.mark.postgres, pytest.mark.usefixtures("clean_database")]


@pytest.fixture
def relay(kafka_topics: str) -> Iterator[Relay]:
    watchdog = Watchdog()
    leading = Relay(watchdog)
    assert take_lead(leading.topic, leading.owner)
    leading.take_over()
    yield leading
    leading.close()
    watchdog.close()


def test_what_lies_on_the_topic_in_earlier_shapes_is_folded_as_todays(relay: Relay, kafka_topics: str) -> None:
    stored(ORDER, "Order", *OF_AN_ORDER)
    _, person = customer()
    send(RestrictProcessing(person, "asked"))
    lifted = [(name, version, text.replace(str(ADA), str(person))) for name, version, text in OF_A_PERSON]
    stored(person, "User", *lifted)
    while relay.advance():
        pass
    lying = [
        event_records.read(it.value, it.headers) for it in topic_reader.committed(kafka_topics, topics.event_store())
    ]
    assert {*OF_AN_ORDER, *lifted} <= {(row.event_type, row.schema_version, row.payload) for row in lying}
    caught_up()
    row = OrderSummary.objects.get(pk=ORDER)
    assert (row.status, row.carrier, row.tracking) == ("DELIVERED", "Royal Mail Tracked 48", "RM1")
    assert not UserProfile.objects.get(pk=person).restricted
    kinds = set(ActivityTimeline.objects.values_list("event_type", flat=True))
    assert "ProcessingResumed" in kinds
    assert "RestrictionLifted" not in kinds
    equal_the_fold()
