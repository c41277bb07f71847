"""The health of the sagas, for the dashboard and for `/readyz`."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, NamedTuple

from django.db.models.functions import Now
from django.utils import timezone

from eventshop.eventstore.models import StoredEvent
from eventshop.operations.health_checks import ComponentHealth
from eventshop.sagas.models import InboxMessage, PartitionLease, Saga, SagaWorker

#: If the oldest event that was not routed, or the oldest inbox row, is older than this, no worker gets on.
UNPROCESSED_AFTER: Final = timedelta(seconds=60)
#: A worker without a heartbeat for this time is gone.
WORKER_GONE_AFTER: Final = timedelta(seconds=30)
#: Suspended sagas are counted up to this number only.
MAX_COUNTED: Final = 1_000


class SagaHealth(NamedTuple):
    """What needs an operator: suspended sagas, since when the longest, and since when an event or message waits."""

    suspended: int
    suspended_since: datetime | None
    workers: int
    unprocessed_since: datetime | None

    @property
    def is_healthy(self) -> bool:
        return not self.suspended and self.unprocessed_since is None


def measure_saga_health(*, now: datetime | None = None) -> SagaHealth:
    """Measure the sagas' health with six indexed queries, whatever the number of sagas."""
    suspended = Saga.objects.filter(status=Saga.Status.SUSPENDED).order_by("moved_at")
    now = now or timezone.now()
    waiting = (
        InboxMessage.objects.filter(state=InboxMessage.State.WAITING).order_by("pk").values_list("heard_at", flat=True)
    )
    oldest_waiting = min(filter(None, (waiting.first(), _oldest_unrouted())), default=None)
    return SagaHealth(
        suspended=suspended[:MAX_COUNTED].count(),
        suspended_since=suspended.values_list("moved_at", flat=True).first(),
        workers=SagaWorker.objects.filter(seen_at__gt=Now() - WORKER_GONE_AFTER).count(),
        unprocessed_since=oldest_waiting if oldest_waiting and now - oldest_waiting > UNPROCESSED_AFTER else None,
    )


def _oldest_unrouted() -> datetime | None:
    """When the first event was recorded that the event router has not read; None before its first start."""
    position = PartitionLease.objects.filter(name="database").values_list("position", flat=True).first()
    if position is None:
        return None
    unrouted = StoredEvent.objects.filter(position__gt=position).order_by("position")
    return unrouted.values_list("recorded_at", flat=True).first()


def check_sagas() -> ComponentHealth:
    """The health check of the sagas, for `/readyz`."""
    health = measure_saga_health()
    details = [f"{health.workers} workers"]
    if health.suspended:
        details.append(f"{health.suspended} suspended")
    if health.unprocessed_since:
        details.append("events or messages are not being processed")
    return ComponentHealth("sagas", health.is_healthy, "; ".join(details))
