"""Relay and readers of an older release meet what only the newer one knows: they hand over, and lose nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from eventshop.core.messages import new_id
from eventshop.eventstore.backends.protocol import backend
from eventshop.eventstore.tail_reader import newest_position
from eventshop.messaging.kafka import topics
from eventshop.messaging.kafka.event_records import PARTITIONS
from eventshop.messaging.kafka.topic_end import read_topic_end
from eventshop.messaging.models import RelayCheckpoint
from eventshop.messaging.relay.event_relay import run_relay
from eventshop.messaging.serialization import avro_codec
from eventshop.operations.health_checks import check_relay
from eventshop.projections.models import DeadLetter, UnreadableRecord
from tests.support.kafka.read_models import catch_up
from tests.support.kafka.running_publishers import checkpoint, running
from tests.support.kafka.topic_contents import append_orders, relay_all
from tests.support.older_program import older_program
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.postgres, pytest.mark.usefixtures("clean_database")]


@contextmanager
def older_release(event_type: str) -> Iterator[None]:
    """The program knows neither the event type nor its schemas."""
    readers = avro_codec._codec().readers
    before = dict(readers)
    for (name, _), (prefix, _) in avro_codec._codec().writers.items():
        if name == event_type:
            del readers[prefix]
    try:
        with older_program(event_type):
            yield
    finally:
        readers.update(before)


def append_newer_event() -> None:
    """Append an event as a newer release writes it."""
    [first] = backend().select_events("ORDER BY position LIMIT 1", ())
    row = first._replace(event_id=new_id(), aggregate_id=new_id(), version=1, event_type="OrderGifted")
    backend().append_events([row])


def test_a_relay_gives_its_leadership_to_one_of_the_newer_release(kafka_topics: str) -> None:
    append_orders(2)
    last_known = newest_position()
    append_newer_event()
    topic = topics.event_store_topic()
    with running(run_relay):
        wait_until(lambda: RelayCheckpoint.objects.filter(topic=topic, stopped_reason__contains="OrderGifted").exists())
        assert "a newer release has to lead" in check_relay().detail
        assert (checkpoint(topic).owner, checkpoint(topic).stopped_at) == ("", None)  # another one may lead at once
        assert read_topic_end(topic, PARTITIONS).position == last_known


def test_a_record_with_an_unknown_schema_waits_like_any_event_and_is_no_unreadable_record(kafka_topics: str) -> None:
    append_orders(3)
    relay_all()
    with older_release("OrderCreated"):
        catch_up()
    waiting = set(DeadLetter.objects.values_list("waits_for", flat=True))
    assert {name.partition("/")[0] for name in waiting} == {"OrderCreated"}
    assert not UnreadableRecord.objects.exists()
