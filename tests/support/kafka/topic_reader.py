"""Reads a topic with a separate consumer."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from kafka import KafkaConsumer, TopicPartition

from eventshop.eventstore.backends.protocol import backend
from eventshop.eventstore.records import EventRow
from eventshop.messaging.kafka import clients, topics
from eventshop.messaging.kafka.event_records import decode_event, partition_for, record_key, record_numbers
from tests.support.kafka.plain_clients import open_consumer
from tests.support.waiting import wait_until


def read_committed(url: str, *topics: str) -> list[Any]:
    """Read all committed records, ordered by topic, partition and offset."""
    reader, raw = _reader(url, "read_committed"), _reader(url, "read_uncommitted")
    try:
        parts = [
            TopicPartition(topic, number)
            for topic in topics
            for number in sorted(reader.partitions_for_topic(topic) or ())
        ]
        reader.assign(parts)
        reader.seek_to_beginning(*parts)
        # A commit is confirmed before its markers are written; until then its records are invisible.
        wait_until(
            lambda: reader.end_offsets(parts) == raw.end_offsets(parts),
            seen=lambda: f"visible up to {reader.end_offsets(parts)} of {raw.end_offsets(parts)}",
        )
        ends = reader.end_offsets(parts)
        records: list[Any] = []
        while any(reader.position(part) < ends[part] for part in parts):
            for batch in reader.poll(timeout_ms=clients.POLL_MS).values():
                records += batch
        return sorted(records, key=lambda record: (record.topic, record.partition, record.offset))
    finally:
        reader.close()
        raw.close()


def _reader(url: str, isolation: str) -> KafkaConsumer:
    return open_consumer(url, isolation_level=isolation, enable_auto_commit=False, auto_offset_reset="earliest")


def decode_row(record: Any) -> EventRow:
    return decode_event(record.value, record.headers)


def read_rows(url: str, topic: str) -> list[EventRow]:
    """The events on a topic, in the order of their positions."""
    return sorted(map(decode_row, read_committed(url, topic)), key=lambda row: row.position)


def assert_exactly_once(url: str) -> None:
    """Assert that the topic holds the same rows as the table, each once, in order, numbered without gaps."""
    records = read_committed(url, topics.event_store_topic())
    rows = sorted(map(decode_row, records), key=lambda row: row.position)
    table = backend().select_events("ORDER BY position", ())
    assert [row.position for row in rows] == [row.position for row in table]
    assert rows == table
    sequences: dict[int, list[int]] = {}
    versions: dict[UUID, int] = {}
    for record in records:
        sequences.setdefault(record.partition, []).append(record_numbers(record).partition_sequence)
        row = decode_row(record)
        assert row.version == versions.get(row.aggregate_id, 0) + 1
        versions[row.aggregate_id] = row.version
        assert record.partition == partition_for(row.aggregate_id)
        assert record.key == record_key(row.aggregate_id, row.version)
    for numbers in sequences.values():
        assert numbers == list(range(1, len(numbers) + 1))
