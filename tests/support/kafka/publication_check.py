"""Whether everything that was accepted lies on Kafka and is shown to readers, nothing of it withheld."""

from __future__ import annotations

from eventshop.messaging.kafka import hanging_transactions, topics
from eventshop.messaging.kafka.event_records import PARTITIONS
from tests.support.kafka import topic_reader
from tests.support.kafka.read_models import caught_up, equal_the_fold


def all_there(url: str) -> None:
    topic_reader.exactly_once(url)
    caught_up()
    equal_the_fold()
    shown = hanging_transactions.StalledVisibilityMonitor({topics.event_store_topic(): PARTITIONS})
    assert shown.stalled_partitions() == []
    shown.close()
