"""Read your writes: whether a projection has processed an event, for pages and API calls that wait for it."""

from __future__ import annotations

from uuid import UUID

from eventshop.messaging.event_log_factory import create_event_log
from eventshop.projections.models import Checkpoint


def has_processed(projection: str, aggregate_id: UUID, position: int) -> bool:
    """Whether the checkpoint of the aggregate's partition has reached this store position."""
    partition = create_event_log().partition_for(aggregate_id)
    return Checkpoint.objects.filter(projection=projection, partition=partition, store_position__gte=position).exists()
