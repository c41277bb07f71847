"""The status of each projection: its lag, dead letters and lease, for the command line and the admin."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from django.db.models import Count
from django.utils import timezone

from eventshop.eventstore.models import StoredEvent
from eventshop.messaging.event_log import EventLog, LogOffset
from eventshop.projections.checkpoints import offset_of
from eventshop.projections.models import Checkpoint, DeadLetter
from eventshop.projections.projection import Projection
from eventshop.runtime.leases import is_leased

#: A projection whose oldest unprocessed event has waited for this long counts as stalled, unless it moves.
STALLED_AFTER: Final = timedelta(minutes=5)
#: A checkpoint that has advanced within this time moves: catching up takes as long as it takes.
MOVING_WITHIN: Final = timedelta(minutes=1)
#: Events searched for the oldest one of a partition; of twelve partitions, one event in twelve is of the right one.
LOOK_AHEAD: Final = 500


class ProjectionStatus(NamedTuple):
    """The status of one projection in one partition."""

    name: str
    partition: int
    position: int
    head: int
    lag_s: float  # how long the oldest event not yet folded has been waiting
    dead_letters: int
    advanced_at: datetime | None
    polled_at: datetime | None
    owner: str
    paused: bool
    needs_rebuild: bool
    waiting: int = 0  # events that wait for a newer release of the program
    waits_for: tuple[str, ...] = ()  # the event types and versions that only it knows

    @property
    def lag(self) -> int:
        """Events after the checkpoint. In the event table these are positions: rolled back appends leave gaps."""
        return max(0, self.head - self.position)

    @property
    def is_moving(self) -> bool:
        return self.advanced_at is not None and timezone.now() - self.advanced_at < MOVING_WITHIN

    @property
    def state(self) -> str:
        if self.paused:
            return "paused"
        if self.needs_rebuild:
            return "needs rebuild"
        if self.lag and self.lag_s > STALLED_AFTER.total_seconds() and not self.is_moving:
            return "stalled"
        if self.waiting:
            return f"waits for a release with {', '.join(self.waits_for)}"
        return "dead letters" if self.dead_letters else "behind" if self.lag else "up to date"


def list_statuses(projections: Iterable[Projection[Any]], source: EventLog) -> list[ProjectionStatus]:
    """The status of each projection in each partition, the longest lag first."""
    checkpoints = Checkpoint.objects.annotate(is_leased=is_leased())
    rows = {(row.projection, row.partition): row for row in checkpoints}
    ends, waiting = source.ends(), _waiting_events()
    statuses = [
        _with_waiting(
            _status(projection, partition, end, rows.get((projection.name, partition)), source),
            waiting.get((projection.name, partition), {}),
        )
        for projection in projections
        for partition, end in ends.items()
    ]
    return sorted(statuses, key=lambda status: (-status.lag_s, -status.lag, status.name, status.partition))


def _waiting_events() -> dict[tuple[str, int], dict[str, int]]:
    """How many events wait for a newer release, by projection and partition, and by what they wait for."""
    waiting = DeadLetter.objects.exclude(waits_for="").values_list("projection", "partition", "waits_for")
    found: dict[tuple[str, int], dict[str, int]] = {}
    for name, partition, waits_for, events in waiting.annotate(Count("pk")):
        found.setdefault((name, partition), {})[waits_for] = events
    return found


def _with_waiting(status: ProjectionStatus, waiting: dict[str, int]) -> ProjectionStatus:
    events = sum(waiting.values())
    return status._replace(
        dead_letters=max(0, status.dead_letters - events), waiting=events, waits_for=tuple(sorted(waiting))
    )


def sum_by_projection(statuses: Iterable[ProjectionStatus]) -> list[ProjectionStatus]:
    """One status per projection: numbers are summed, the rest is that of the partition with the longest lag."""
    by_name: dict[str, list[ProjectionStatus]] = {}
    for status in statuses:
        by_name.setdefault(status.name, []).append(status)
    return [_sum(partition_statuses) for partition_statuses in by_name.values()]


def _sum(partition_statuses: list[ProjectionStatus]) -> ProjectionStatus:
    worst = max(partition_statuses, key=lambda status: (status.lag_s, status.lag))
    return worst._replace(
        position=sum(status.position for status in partition_statuses),
        head=sum(status.head for status in partition_statuses),
        dead_letters=sum(status.dead_letters for status in partition_statuses),
        advanced_at=max((status.advanced_at for status in partition_statuses if status.advanced_at), default=None),
        polled_at=min((status.polled_at for status in partition_statuses if status.polled_at), default=None),
        owner=", ".join(sorted({status.owner for status in partition_statuses if status.owner})),
        paused=any(status.paused for status in partition_statuses),
        needs_rebuild=any(status.needs_rebuild for status in partition_statuses),
        waiting=sum(status.waiting for status in partition_statuses),
        waits_for=tuple(sorted({name for status in partition_statuses for name in status.waits_for})),
    )


def _status(
    projection: Projection[Any], partition: int, end: LogOffset, row: Checkpoint | None, source: EventLog
) -> ProjectionStatus:
    row = row or Checkpoint(projection=projection.name, partition=partition, version=projection.version)
    position, head = offset_of(row).progress_to(end)
    return ProjectionStatus(
        projection.name,
        partition,
        position,
        head,
        lag_seconds(row, source) if head > position else 0.0,
        row.parked,
        row.advanced_at,
        row.polled_at,
        row.owner if getattr(row, "is_leased", False) else "",
        row.paused,
        row.version != projection.version,
    )


def lag_seconds(row: Checkpoint, source: EventLog) -> float:
    """How long the first event after a checkpoint, in its partition, has been in the store."""
    later = StoredEvent.objects.filter(position__gt=row.store_position).order_by("position")
    for aggregate_id, recorded_at in later.values_list("aggregate_id", "recorded_at")[:LOOK_AHEAD]:
        if source.partition_for(aggregate_id) == row.partition:
            return max(0.0, (timezone.now() - recorded_at).total_seconds())
    return 0.0
