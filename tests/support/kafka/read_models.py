"""Compares read models that are fed from Kafka with the fold of all events in the table."""

from __future__ import annotations

from eventshop.messaging.kafka import topics
from eventshop.messaging.kafka.event_records import PARTITIONS
from eventshop.messaging.kafka.topic_end import read_last_records
from eventshop.messaging.kafka_event_log import KafkaEventLog
from eventshop.projections.projection import projection_registry
from eventshop.projections.runner import ProjectionRunner
from tests.support.read_models import Rows, expected_rows, stored_rows

#: The last event of a row that several aggregates share depends on the order of the partitions.
LINEAGE = {"last_event_id", "last_version", "last_partition", "last_offset"}


def catch_up() -> int:
    """Process all events on the topic; return their number."""
    # Kafka confirms a commit shortly before it makes the records visible.
    read_last_records(topics.event_store_topic(), PARTITIONS, await_open_transactions=True)
    runner = ProjectionRunner(projection_registry.select([]), KafkaEventLog())
    try:
        return runner.catch_up()
    finally:
        runner.close()


def without_lineage(rows: Rows) -> Rows:
    return {key: {name: row[name] for name in row.keys() - LINEAGE} for key, row in rows.items()}


def assert_read_models_equal_fold() -> None:
    for projection in projection_registry.select([]):
        assert without_lineage(stored_rows(projection)) == without_lineage(expected_rows(projection)), projection.name
