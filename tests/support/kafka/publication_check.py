"""Asserts that every stored event is on Kafka and visible to readers."""

from __future__ import annotations

from eventshop.messaging.kafka import hanging_transactions, topics
from eventshop.messaging.kafka.event_records import PARTITIONS
from tests.support.kafka import topic_reader
from tests.support.kafka.read_models import assert_read_models_equal_fold, catch_up


def assert_all_visible(url: str) -> None:
    topic_reader.assert_exactly_once(url)
    catch_up()
    assert_read_models_equal_fold()
    monitor = hanging_transactions.StalledVisibilityMonitor({topics.event_store_topic(): PARTITIONS})
    assert monitor.stalled_partitions() == []
    monitor.close()
