"""The health of the sagas, for the dashboard and for `/readyz`."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, NamedTuple

from django.conf import settings
from django.db.models.functions import Now
from django.utils import timezone

from eventshop.eventstore.models import StoredEvent
from eventshop.eventstore.tail_reader import newest_position
from eventshop.operations.health_checks import (
    MAX_COUNTED,
    ComponentHealth,
    combine_parts,
    judge_progress,
    measure_waiting,
    seconds_since,
)
from eventshop.operations.objectives import Progress, default_objective
from eventshop.operations.work_health import check_effects, check_timers
from eventshop.sagas import live_points
from eventshop.sagas.models import InboxMessage, PartitionLease, Saga, SagaWorker

#: A worker without a heartbeat for this time is gone.
WORKER_GONE_AFTER: Final = timedelta(seconds=30)


class SagaHealth(NamedTuple):
    """What needs an operator: suspended sagas, since when the longest, and since when an event or message waits."""

    suspended: int
    suspended_since: datetime | None
    workers: int
    unprocessed_since: datetime | None
    unrouted: str = ""  # the event that the event router has not routed for so long


def measure_saga_health(*, now: datetime | None = None) -> SagaHealth:
    """Measure the sagas' health with six indexed queries, whatever the number of sagas."""
    suspended = Saga.objects.filter(status=Saga.Status.SUSPENDED).order_by("moved_at")
    now = now or timezone.now()
    waiting = (
        InboxMessage.objects.filter(state=InboxMessage.State.WAITING).order_by("pk").values_list("heard_at", flat=True)
    )
    unrouted_since, unrouted = _oldest_unrouted() or (None, "")
    oldest_waiting = min(filter(None, (waiting.first(), unrouted_since)), default=None)
    is_late = oldest_waiting is not None and now - oldest_waiting > timedelta(seconds=settings.HEALTH_LAG_S)
    return SagaHealth(
        suspended=suspended[:MAX_COUNTED].count(),
        suspended_since=suspended.values_list("moved_at", flat=True).first(),
        workers=SagaWorker.objects.filter(seen_at__gt=Now() - WORKER_GONE_AFTER).count(),
        unprocessed_since=oldest_waiting if is_late else None,
        unrouted=unrouted if is_late else "",
    )


def _oldest_unrouted() -> tuple[datetime, str] | None:
    """The first event that the event router has not read: when it was recorded, and its type. None: there is none."""
    position = PartitionLease.objects.filter(name="database").values_list("position", flat=True).first()
    if position is None:
        return None
    unrouted = StoredEvent.objects.filter(position__gt=position).order_by("position")
    found = unrouted.values_list("recorded_at", "event_type", "schema_version", "position").first()
    return (found[0], f"{found[1]}/{found[2]} at position {found[3]}") if found else None


def check_sagas() -> ComponentHealth:
    """The health check of the sagas, for `/readyz`; its parts are the event router, the runner, timers and effects."""
    health = measure_saga_health()
    parts = (
        judge_progress("event router", measure_router(), default_objective()),
        judge_progress("saga runner", measure_runner(health.suspended), default_objective()),
        check_timers(),
        check_effects(),
    )
    details = [f"{health.workers} workers"]
    details += live_points.describe_muted()
    if health.suspended:
        details.append(f"{health.suspended} suspended")
    if health.unprocessed_since:
        waiting = f": the next event is {health.unrouted}" if health.unrouted else ""
        details.append(f"events or messages are not being processed{waiting}")
    return combine_parts("sagas", parts, detail="; ".join(details))


def measure_router() -> Progress:
    """How far the event router is behind the event table; nothing before a worker has run sagas."""
    position = PartitionLease.objects.filter(name="database").values_list("position", flat=True).first()
    if position is None:
        return Progress()
    unrouted = StoredEvent.objects.filter(position__gt=position).order_by("position")
    oldest = unrouted.values_list("recorded_at", flat=True).first()
    return Progress(newest_position() - position if oldest else 0, seconds_since(oldest))


def measure_runner(suspended: int) -> Progress:
    """How many messages wait in the inbox, since when, and how many sagas are suspended."""
    waiting = InboxMessage.objects.filter(state=InboxMessage.State.WAITING).order_by("pk")
    return measure_waiting(waiting, "heard_at", set_aside=suspended)
