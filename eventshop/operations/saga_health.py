"""The health of the sagas, for the dashboard and for `/readyz`."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, NamedTuple

from django.db.models.functions import Now
from django.utils import timezone

from eventshop.operations.health_checks import ComponentHealth
from eventshop.sagas.models import InboxMessage, Saga, SagaWorker

#: If the oldest inbox row is older than this, the inbox is not being processed.
UNPROCESSED_AFTER: Final = timedelta(seconds=60)
#: A worker without a heartbeat for this time is gone.
WORKER_GONE_AFTER: Final = timedelta(seconds=30)
#: Suspended sagas are counted up to this number only.
MAX_COUNTED: Final = 1_000


class SagaHealth(NamedTuple):
    """What needs an operator: suspended sagas, since when the longest, and since when the inbox is not processed."""

    suspended: int
    suspended_since: datetime | None
    workers: int
    unprocessed_since: datetime | None

    @property
    def is_healthy(self) -> bool:
        return not self.suspended and self.unprocessed_since is None


def measure_saga_health() -> SagaHealth:
    """Measure the sagas' health with four indexed queries, whatever the number of sagas."""
    suspended = Saga.objects.filter(status=Saga.Status.SUSPENDED).order_by("moved_at")
    now = timezone.now()
    waiting = (
        InboxMessage.objects.filter(state=InboxMessage.State.WAITING).order_by("pk").values_list("heard_at", flat=True)
    )
    oldest_waiting = waiting.first()
    return SagaHealth(
        suspended=suspended[:MAX_COUNTED].count(),
        suspended_since=suspended.values_list("moved_at", flat=True).first(),
        workers=SagaWorker.objects.filter(seen_at__gt=Now() - WORKER_GONE_AFTER).count(),
        unprocessed_since=oldest_waiting if oldest_waiting and now - oldest_waiting > UNPROCESSED_AFTER else None,
    )


def check_sagas() -> ComponentHealth:
    """The health check of the sagas, for `/readyz`."""
    health = measure_saga_health()
    details = [f"{health.workers} worker threads"]
    if health.suspended:
        details.append(f"{health.suspended} suspended")
    if health.unprocessed_since:
        details.append("the inbox is not being processed")
    return ComponentHealth("sagas", health.is_healthy, "; ".join(details))
