"""Whether a read model has taken in a certain event, for pages that wait for it."""

from __future__ import annotations

from uuid import UUID

from eventshop.messaging.event_log_factory import event_log
from eventshop.projections.models import Checkpoint


def reached(projection: str, aggregate_id: UUID, position: int) -> bool:
    """Whether its checkpoint has passed this position of the store, in the partition of the aggregate."""
    partition = event_log().partition_of(aggregate_id)
    return Checkpoint.objects.filter(projection=projection, partition=partition, store_position__gte=position).exists()
