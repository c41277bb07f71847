"""Whether sagas go on by themselves: for the dashboard, and for `/readyz`."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, NamedTuple

from django.utils import timezone

from eventshop.operations.health_checks import ComponentHealth
from eventshop.sagas.models import InboxMessage, Saga, SagaWorker

#: What has waited so long to be heard is not being worked on.
UNPROCESSED_AFTER: Final = timedelta(seconds=60)
#: A worker that has not been seen for so long is gone.
WORKER_GONE_AFTER: Final = timedelta(seconds=30)
#: Nobody needs to know how many more there are.
MAX_COUNTED: Final = 1_000


class SagaHealth(NamedTuple):
    """What needs a person: sagas that are stuck, the longest since when, and whether what waits is being heard."""

    stuck: int
    since: datetime | None
    workers: int
    unprocessed_since: datetime | None

    @property
    def is_healthy(self) -> bool:
        return not self.stuck and self.unprocessed_since is None


def measure_saga_health() -> SagaHealth:
    """Four indexed look-ups, however many sagas there are."""
    stuck = Saga.objects.filter(status=Saga.Status.SUSPENDED).order_by("moved_at")
    now = timezone.now()
    waiting = (
        InboxMessage.objects.filter(state=InboxMessage.State.WAITING).order_by("pk").values_list("heard_at", flat=True)
    )
    oldest_waiting = waiting.first()
    return SagaHealth(
        stuck=stuck[:MAX_COUNTED].count(),
        since=stuck.values_list("moved_at", flat=True).first(),
        workers=SagaWorker.objects.filter(seen_at__gt=now - WORKER_GONE_AFTER).count(),
        unprocessed_since=oldest_waiting if oldest_waiting is not None and now - oldest_waiting > UNPROCESSED_AFTER else None,
    )


def check_sagas() -> ComponentHealth:
    """The part of `/readyz`."""
    health = measure_saga_health()
    details = [f"{health.workers} threads at work"]
    if health.stuck:
        details.append(f"{health.stuck} stuck")
    if health.unprocessed_since:
        details.append("what happened is not being heard")
    return ComponentHealth("sagas", health.is_healthy, "; ".join(details))
