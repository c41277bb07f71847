"""What lies on a topic, read by a consumer of the test's own."""

from __future__ import annotations

from typing import Any

from kafka import KafkaConsumer, TopicPartition

from eventshop.log.records import read
from eventshop.store.rows import Row


def committed(url: str, topic: str) -> list[Any]:
    """Every committed record, partition by partition, in order."""
    reader = KafkaConsumer(
        bootstrap_servers=url.removeprefix("kafka://").split(","),
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    try:
        parts = [TopicPartition(topic, number) for number in sorted(reader.partitions_for_topic(topic) or ())]
        reader.assign(parts)
        reader.seek_to_beginning(*parts)
        ends = reader.end_offsets(parts)
        found: list[Any] = []
        while any(reader.position(part) < ends[part] for part in parts):
            for records in reader.poll(timeout_ms=200).values():
                found += records
        return sorted(found, key=lambda record: (record.partition, record.offset))
    finally:
        reader.close()


def rows(url: str, topic: str) -> list[Row]:
    """The events on a topic, in the order of their positions."""
    return sorted(
        (read(record.value, record.headers) for record in committed(url, topic)), key=lambda row: row.position
    )
