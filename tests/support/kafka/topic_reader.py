"""What lies on a topic, read by a consumer of the test's own."""

from __future__ import annotations

from time import monotonic, sleep
from typing import Any, Final
from uuid import UUID

from kafka import KafkaConsumer, TopicPartition

from eventshop.eventstore.backends.protocol import backend
from eventshop.eventstore.records import EventRow
from eventshop.messaging.kafka import topics
from eventshop.messaging.kafka.event_records import decode_event, partition_for, read_int_header, record_key

#: A transaction that is open for longer is open on purpose.
_TOLD_WITHIN_S: Final = 5.0


def committed(url: str, topic: str) -> list[Any]:
    """Every committed record, partition by partition, in order."""
    reader, raw = _reader(url, "read_committed"), _reader(url, "read_uncommitted")
    try:
        parts = [TopicPartition(topic, number) for number in sorted(reader.partitions_for_topic(topic) or ())]
        reader.assign(parts)
        reader.seek_to_beginning(*parts)
        # A commit is confirmed before each partition is told: until then, its records are not shown there.
        give_up = monotonic() + _TOLD_WITHIN_S
        while (ends := reader.end_offsets(parts)) != raw.end_offsets(parts) and monotonic() < give_up:
            sleep(0.05)
        found: list[Any] = []
        while any(reader.position(part) < ends[part] for part in parts):
            for records in reader.poll(timeout_ms=200).values():
                found += records
        return sorted(found, key=lambda record: (record.partition, record.offset))
    finally:
        reader.close()
        raw.close()


def _reader(url: str, isolation: str) -> KafkaConsumer:
    return KafkaConsumer(
        bootstrap_servers=url.removeprefix("kafka://").split(","),
        isolation_level=isolation,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )


def row(record: Any) -> EventRow:
    return decode_event(record.value, record.headers)


def rows(url: str, topic: str) -> list[EventRow]:
    """The events on a topic, in the order of their positions."""
    return sorted(map(row, committed(url, topic)), key=lambda row: row.position)


def exactly_once(url: str) -> None:
    """The topic holds what the table holds: the same rows, each once, in order, numbered without a gap."""
    records = committed(url, topics.event_store_topic())
    table = backend().select_events("ORDER BY position", ())
    assert [row.position for row in rows(url, topics.event_store_topic())] == [row.position for row in table]
    assert rows(url, topics.event_store_topic()) == table
    sequences: dict[int, list[int]] = {}
    versions: dict[UUID, int] = {}
    for record in records:
        sequences.setdefault(record.partition, []).append(read_int_header(record.headers, "partition-sequence"))
        aggregate = UUID(dict(record.headers)["ce_subject"].decode())
        version = read_int_header(record.headers, "version")
        assert version == versions.get(aggregate, 0) + 1
        versions[aggregate] = version
        assert record.partition == partition_for(aggregate)
        assert record.key == record_key(aggregate, version)
    for found in sequences.values():
        assert found == list(range(1, len(found) + 1))
