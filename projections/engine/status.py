"""How far each projection is: for the command line and the admin."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from django.utils import timezone

from eventshop.log.base import EventLog
from eventshop.store.models import StoredEvent
from projections.engine.projection import Projection
from projections.engine.tables import Checkpoint

#: A projection that has work and has not moved for this long counts as stalled.
STALLED_AFTER: Final = timedelta(minutes=5)


class Status(NamedTuple):
    """One projection in one partition."""

    name: str
    partition: int
    position: int
    head: int
    behind_s: float  # how long the oldest event not yet folded has been waiting
    parked: int
    advanced_at: datetime | None
    polled_at: datetime | None
    owner: str
    paused: bool
    needs_rebuild: bool

    @property
    def behind(self) -> int:
        """Positions between this projection and the head of the log; rolled back appends leave holes in it."""
        return max(0, self.head - self.position)

    @property
    def state(self) -> str:
        if self.paused:
            return "paused"
        if self.needs_rebuild:
            return "needs rebuild"
        if self.behind and self.behind_s > STALLED_AFTER.total_seconds():
            return "stalled"
        return "parked events" if self.parked else "behind" if self.behind else "up to date"


def statuses(projections: Iterable[Projection[Any]], source: EventLog) -> list[Status]:
    """Each projection's status, the one furthest behind first."""
    rows = {(row.projection, row.partition): row for row in Checkpoint.objects.all()}
    heads = source.heads()
    found = [
        _status(projection, partition, head, rows.get((projection.name, partition)))
        for projection in projections
        for partition, head in heads.items()
    ]
    return sorted(found, key=lambda status: (-status.behind_s, -status.behind, status.name))


def _status(projection: Projection[Any], partition: int, head: int, row: Checkpoint | None) -> Status:
    row = row or Checkpoint(projection=projection.name, partition=partition, version=projection.version)
    leased = row.leased_until is not None and row.leased_until > timezone.now()
    return Status(
        projection.name,
        partition,
        row.position,
        head,
        _waiting_s(row.store_position) if head > row.position else 0.0,
        row.parked,
        row.advanced_at,
        row.polled_at,
        row.owner if leased else "",
        row.paused,
        row.version != projection.version,
    )


def _waiting_s(position: int) -> float:
    oldest = (
        StoredEvent.objects.filter(position__gt=position).order_by("position").values_list("recorded_at", flat=True)
    ).first()
    return max(0.0, (timezone.now() - oldest).total_seconds()) if oldest else 0.0
