"""Topics as an operator looks at them: settings, partitions, sizes, offsets, and single records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from time import monotonic
from typing import Any, Final, NamedTuple

from eventshop.core.errors import BrokenStream, EventShopError
from eventshop.messaging.kafka import clients, topics
from eventshop.messaging.kafka.event_records import decode_event
from eventshop.messaging.kafka.topic_differences import TopicDifference, TopicSpec

#: Records that one look shows, and the characters of each value.
MAX_RECORDS: Final = 20
MAX_VALUE: Final = 4_000
_READ_TIMEOUT_S: Final = 5.0


class PartitionReport(NamedTuple):
    """One partition: its offsets, its size on the leader in bytes (None: unknown), and where it is."""

    number: int
    begin: int
    end: int
    size: int | None
    leader: int
    replicas: int
    in_sync: int


class TopicReport(NamedTuple):
    """One topic that EventShop needs, as it is, and in what it is not as it should be."""

    name: str
    partitions: list[PartitionReport]
    config: Mapping[str, str]
    differences: list[TopicDifference]

    @property
    def size(self) -> int:
        return sum(partition.size or 0 for partition in self.partitions)

    @property
    def offsets(self) -> int:
        """Offsets that are there: records, and markers of transactions."""
        return sum(partition.end - partition.begin for partition in self.partitions)

    @property
    def is_in_sync(self) -> bool:
        return all(partition.in_sync == partition.replicas for partition in self.partitions)


class RecordReport(NamedTuple):
    """One record. `value` is text, as it is on the topic: personal data in it is encrypted or was never published."""

    offset: int
    written_at: datetime
    key: str
    size: int
    kind: str
    position: int | None  # in the event store
    value: str


class NoSuchRecords(EventShopError):
    """The topic has no such partition or offset."""

    code = "no-such-records"


def inspect_topics(specs: Sequence[TopicSpec]) -> list[TopicReport]:
    """Every topic that EventShop needs, with what `create_topics --check` finds. Raises `KafkaUnavailable`."""
    differences: dict[str, list[TopicDifference]] = {}
    for difference in topics.find_differences(specs):
        differences.setdefault(difference.topic, []).append(difference)
    names = [spec.name for spec in specs]
    with clients.open_admin_client() as admin:
        found = {topic["name"]: topic for topic in admin.describe_topics(names) if not topic.get("error_code")}
        sizes = _sizes(admin.describe_log_dirs(list(found)) if found else [])
    numbers = [
        clients.TopicPartition(name, partition["partition_index"])
        for name, topic in found.items()
        for partition in topic["partitions"]
    ]
    begins, ends = _offsets(numbers)
    reports = []
    for spec in specs:
        partitions = sorted(
            (
                _partition(spec.name, partition, begins, ends, sizes)
                for partition in found.get(spec.name, {}).get("partitions", ())
            ),
            key=lambda partition: partition.number,
        )
        reports.append(TopicReport(spec.name, partitions, spec.config, differences.get(spec.name, [])))
    return reports


def read_records(topic: str, partition: int, offset: int) -> list[RecordReport]:
    """Up to `MAX_RECORDS` committed records from an offset on. Raises `NoSuchRecords` and `KafkaUnavailable`."""
    tp = clients.TopicPartition(topic, partition)
    consumer = clients.create_consumer()
    try:
        with clients.translate_errors():
            if partition not in (consumer.partitions_for_topic(topic) or ()):
                raise NoSuchRecords(f"{topic} has no partition {partition}", topic=topic)
            begin, end = consumer.beginning_offsets([tp])[tp], consumer.end_offsets([tp])[tp]
            if not begin <= offset < end:
                raise NoSuchRecords(f"{topic}/{partition} has the offsets {begin:,} to {end - 1:,}", topic=topic)
            consumer.assign([tp])
            consumer.seek(tp, offset)
            deadline, found = monotonic() + clients.timeout_s(_READ_TIMEOUT_S), list[Any]()
            while len(found) < MAX_RECORDS and consumer.position(tp) < end and monotonic() < deadline:
                found += consumer.poll(timeout_ms=clients.POLL_MS, max_records=MAX_RECORDS).get(tp, ())
        return [_describe(topic, record) for record in found[:MAX_RECORDS]]
    finally:
        consumer.close(autocommit=False)


def _offsets(numbers: Sequence[Any]) -> tuple[Mapping[Any, int], Mapping[Any, int]]:
    if not numbers:
        return {}, {}
    consumer = clients.create_consumer()
    try:
        with clients.translate_errors():
            return consumer.beginning_offsets(numbers), consumer.end_offsets(numbers)
    finally:
        consumer.close(autocommit=False)


def _sizes(brokers: Sequence[Mapping[str, Any]]) -> dict[tuple[str, int], int]:
    """The size of each partition on the broker that has most of it."""
    sizes: dict[tuple[str, int], int] = {}
    for broker in brokers:
        for directory in broker.get("log_dirs") or broker.get("results") or ():
            for topic in directory.get("topics", ()):
                for partition in topic.get("partitions", ()):
                    key = topic.get("name") or topic.get("topic"), partition["partition_index"]
                    sizes[key] = max(sizes.get(key, 0), partition["partition_size"])
    return sizes


def _partition(
    topic: str,
    partition: Mapping[str, Any],
    begins: Mapping[Any, int],
    ends: Mapping[Any, int],
    sizes: Mapping[tuple[str, int], int],
) -> PartitionReport:
    number = partition["partition_index"]
    tp = clients.TopicPartition(topic, number)
    return PartitionReport(
        number,
        begins.get(tp, 0),
        ends.get(tp, 0),
        sizes.get((topic, number)),
        partition["leader_id"],
        len(partition["replica_nodes"]),
        len(partition["isr_nodes"]),
    )


def _describe(topic: str, record: Any) -> RecordReport:
    size = len(record.key or b"") + len(record.value or b"")
    kind, position, value = "record", None, _as_text(record.value)
    if record.value is None:
        kind, value = "tombstone", ""
    elif topic == topics.event_store_topic():
        try:
            row = decode_event(record.value, record.headers)
            kind, position, value = f"{row.event_type} version {row.version}", row.position, row.payload
        except (BrokenStream, ValueError) as error:  # not ours: whatever it holds is not shown
            kind, value = f"no event of ours: {error}"[:300], ""
    written = datetime.fromtimestamp(record.timestamp / 1_000, tz=UTC)
    return RecordReport(record.offset, written, _as_text(record.key)[:200], size, kind, position, value[:MAX_VALUE])


def _as_text(value: bytes | None) -> str:
    return (value or b"").decode(errors="backslashreplace")
