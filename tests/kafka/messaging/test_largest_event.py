"""The largest event that the store accepts reaches a broker with its default limits and is read back as it was."""

from __future__ import annotations

from functools import partial

import pytest

from eventshop.eventstore.event_store import store
from eventshop.messaging.kafka import topics
from tests.integration.eventshop.messaging.test_record_size import append_largest, order_of
from tests.support.kafka import topic_reader
from tests.support.kafka.topic_contents import relay_all

pytestmark = [pytest.mark.postgres, pytest.mark.usefixtures("clean_database")]


def test_the_largest_events_are_published_in_one_batch(kafka_topics: str) -> None:
    streams = [append_largest(partial(order_of, character=character)) for character in ("x", "漢", '"')]
    relay_all()
    topic_reader.assert_exactly_once(kafka_topics)
    records = topic_reader.read_committed(kafka_topics, topics.event_store_topic())
    published = {row.aggregate_id: row for row in map(topic_reader.decode_row, records)}
    for stream in streams:
        [row] = store.read_rows(stream)
        assert published[stream]._replace(position=row.position) == row
