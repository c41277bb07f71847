"""Foreign records that an operator has looked at: verify_log lists them, and no longer fails for them.

Kafka cannot delete a single record from the middle of a topic, so a record that a stranger wrote stays for ever.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from time import monotonic
from typing import Any, Final, TypeAlias
from uuid import UUID

from eventshop.core.errors import EventShopError
from eventshop.messaging.kafka import clients, topics
from eventshop.messaging.models import AcknowledgedRecord
from eventshop.messaging.reconciliation.topic_items import ForeignRecord, parse_record

#: The partition and the offset of a record.
Location: TypeAlias = tuple[int, int]

_READ_TIMEOUT_S: Final = 20.0


class NotAForeignRecord(EventShopError):
    """There is no foreign record at this place."""

    code = "not-a-foreign-record"


class Acknowledgements:
    """The acknowledged records of one topic, as it is now: those of an earlier topic of this name do not count."""

    def __init__(self, topic_id: UUID) -> None:
        rows = AcknowledgedRecord.objects.filter(topic_id=topic_id)
        self._rows = {(row.partition, row.offset): row for row in rows}

    def find(self, record: ForeignRecord) -> AcknowledgedRecord | None:
        """The acknowledgement of exactly this record."""
        row = self._rows.get((record.partition, record.offset))
        return row if row is not None and row.digest == record.digest else None


def acknowledge(topic: str, locations: Collection[Location], *, operator: str, reason: str) -> list[AcknowledgedRecord]:
    """Record that an operator knows these foreign records; all or none.

    Raises `NotAForeignRecord` for an event and for a place without a record, `TopicRefused`, `KafkaUnavailable`.
    """
    topic_id = topics.require_topic(topic).topic_id
    records = [_read_foreign_record(topic, location) for location in locations]
    return AcknowledgedRecord.objects.bulk_create(
        [_row(topic, topic_id, record, operator, reason) for record in records],
        update_conflicts=True,
        unique_fields=["topic_id", "partition", "offset"],
        update_fields=["digest", "error", "reason", "operator", "acknowledged_at"],
    )


def _row(topic: str, topic_id: UUID, record: ForeignRecord, operator: str, reason: str) -> AcknowledgedRecord:
    return AcknowledgedRecord(
        topic=topic,
        topic_id=topic_id,
        partition=record.partition,
        offset=record.offset,
        digest=record.digest,
        error=record.error[:500],
        reason=reason,
        operator=operator,
    )


def _read_foreign_record(topic: str, location: Location) -> ForeignRecord:
    partition, offset = location
    for record in _read_from(topic, partition, offset):
        item = parse_record(record, 0) if record.offset == offset else None
        if isinstance(item, ForeignRecord):
            return item
        if item is not None:
            raise NotAForeignRecord(f"{partition}@{offset} of {topic} is a record of the relay")
        break
    raise NotAForeignRecord(f"{topic} has no record at {partition}@{offset}")


def _read_from(topic: str, partition: int, offset: int) -> Iterable[Any]:
    """The records of a partition from an offset on; none if there is none."""
    tp = clients.TopicPartition(topic, partition)
    consumer = clients.create_consumer()
    try:
        with clients.translate_errors():
            if partition not in (consumer.partitions_for_topic(topic) or ()):
                return []
            if not consumer.beginning_offsets([tp])[tp] <= offset < consumer.end_offsets([tp])[tp]:
                return []
            consumer.assign([tp])
            consumer.seek(tp, offset)
            deadline = monotonic() + clients.timeout_s(_READ_TIMEOUT_S)
            while monotonic() < deadline and consumer.position(tp) == offset:
                if records := consumer.poll(timeout_ms=clients.POLL_MS, max_records=1).get(tp):
                    return list(records)
        return []
    finally:
        consumer.close(autocommit=False)
