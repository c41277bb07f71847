"""How far the event router had come in each Kafka partition, when it read Kafka; now it reads the event table.

The leases named `kafka` of an earlier release hold, for each partition of `event-store`, the position of the last event
that was routed. The router starts behind the lowest of them and leaves out what was routed. That an inbox message is
written once would not be enough: the messages of finished sagas are deleted after a time.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from eventshop.eventstore.records import EventRow
from eventshop.sagas.models import PartitionLease

#: The position of the last routed event by Kafka partition; empty where sagas never read Kafka.
KafkaPositions: TypeAlias = Mapping[int, int]


def load_positions() -> KafkaPositions:
    """The positions of the earlier leases. One statement."""
    return dict(PartitionLease.objects.filter(name="kafka").values_list("number", "position"))


def begin_at_slowest(lease: PartitionLease, positions: KafkaPositions) -> PartitionLease:
    """Let the lease on the event table start where the slowest Kafka partition stood, unless it is beyond already."""
    start = min(positions.values(), default=0)
    if start > lease.offset:
        PartitionLease.objects.filter(pk=lease.pk, owner=lease.owner).update(offset=start, position=start)
        lease.offset = lease.position = start
    return lease


def is_routed(row: EventRow, positions: KafkaPositions) -> bool:
    """Whether this event was routed when it was read from Kafka."""
    if not positions:
        return False
    from eventshop.messaging.kafka.event_records import partition_for  # its Avro codec is needed with Kafka only

    return row.position <= positions.get(partition_for(row.aggregate_id), 0)
