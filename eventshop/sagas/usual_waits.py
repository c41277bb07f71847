"""Sagas that take longer than their kind usually does, judged by those of the kind that have ended."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final

from django.db.models import Q, QuerySet

from eventshop.runtime.counted_cache import get_or_compute
from eventshop.runtime.database_clock import database_now
from eventshop.sagas.models import Saga

#: The newest ended sagas of a kind that say what is usual; with fewer than LEAST nothing is.
SAMPLE: Final = 200
LEAST: Final = 20
#: Longer than 95 of 100 took, by this factor, is longer than usual; never less than SHORTEST.
PERCENTILE: Final = 0.95
FACTOR: Final = 1.5
SHORTEST: Final = timedelta(minutes=1)
CACHE_S: Final = 300


def usual_limit(kind: str) -> timedelta | None:
    """How long a saga of this kind may take before that is unusual; None while too few have ended. Cached."""

    def measure() -> float:
        limit = _measure(kind)
        return limit.total_seconds() if limit else -1.0

    seconds = get_or_compute("usual-limits", kind, measure, CACHE_S)
    return timedelta(seconds=seconds) if seconds >= 0 else None


def overdue_sagas(kinds: Collection[str], *, now: datetime | None = None) -> QuerySet[Saga]:
    """The running sagas of these kinds that take longer than usual, oldest first."""
    moment, condition = now or database_now(), Q(pk__in=())
    for kind in kinds:
        if limit := usual_limit(kind):
            condition |= Q(kind=kind, started_at__lt=moment - limit)
    return Saga.objects.filter(condition, status=Saga.Status.RUNNING, muted=False).order_by("started_at")


def is_overdue(saga: Saga, *, now: datetime | None = None) -> bool:
    """Whether a running saga takes longer than its kind usually does."""
    if saga.status != Saga.Status.RUNNING or saga.muted:
        return False
    limit = usual_limit(saga.kind)
    return limit is not None and (now or database_now()) - saga.started_at > limit


def _measure(kind: str) -> timedelta | None:
    ended = Saga.objects.filter(kind=kind, status=Saga.Status.ENDED, muted=False).order_by("-started_at")
    times = sorted(moved - started for moved, started in ended.values_list("moved_at", "started_at")[:SAMPLE])
    if len(times) < LEAST:
        return None
    return max(SHORTEST, FACTOR * times[int(PERCENTILE * (len(times) - 1))])
