"""Whether sagas go on by themselves: for the dashboard, and for `/readyz`."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, NamedTuple

from django.utils import timezone

from eventshop.operations.health_checks import Part
from eventshop.sagas.models import ProcessWorker, Saga, SagaInput

#: What has waited so long to be heard is not being worked on.
UNHEARD_AFTER: Final = timedelta(seconds=60)
#: A worker that has not been seen for so long is gone.
GONE_AFTER: Final = timedelta(seconds=30)
#: Nobody needs to know how many more there are.
MOST_COUNTED: Final = 1_000


class Watch(NamedTuple):
    """What needs a person: sagas that are stuck, the longest since when, and whether what waits is being heard."""

    stuck: int
    since: datetime | None
    workers: int
    unheard_since: datetime | None

    @property
    def well(self) -> bool:
        return not self.stuck and self.unheard_since is None


def watch() -> Watch:
    """Four indexed look-ups, however many sagas there are."""
    stuck = Saga.objects.filter(status=Saga.Status.STUCK).order_by("moved_at")
    now = timezone.now()
    waiting = SagaInput.objects.filter(state=SagaInput.State.WAITING).order_by("pk").values_list("heard_at", flat=True)
    oldest = waiting.first()
    return Watch(
        stuck=stuck[:MOST_COUNTED].count(),
        since=stuck.values_list("moved_at", flat=True).first(),
        workers=ProcessWorker.objects.filter(seen_at__gt=now - GONE_AFTER).count(),
        unheard_since=oldest if oldest is not None and now - oldest > UNHEARD_AFTER else None,
    )


def sagas() -> Part:
    """The part of `/readyz`."""
    found = watch()
    told = [f"{found.workers} threads at work"]
    if found.stuck:
        told.append(f"{found.stuck} stuck")
    if found.unheard_since:
        told.append("what happened is not being heard")
    return Part("sagas", found.well, "; ".join(told))
