"""How far each projection is behind, and whether somebody should worry."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, NamedTuple

from django.utils import timezone

from eventshop.store.models import StoredEvent
from eventshop.store.tail import newest_position
from projections.engine.tables import Checkpoint

#: A projection with events to fold that has not moved for so long is stalled.
STALLED: Final = timedelta(minutes=1)


class Progress(NamedTuple):
    """One projection in one partition."""

    checkpoint: Checkpoint
    head: int
    lag: int
    behind: timedelta

    @property
    def state(self) -> str:
        if self.checkpoint.paused:
            return "paused"
        if self.lag and self._still():
            return "stalled"
        return "catching up" if self.lag else "up to date"

    @property
    def tone(self) -> str:
        """Which colour the state has: good, warn or bad."""
        return {"stalled": "bad", "up to date": "good"}.get(self.state, "warn")

    @property
    def seconds(self) -> int:
        return int(self.behind.total_seconds())

    @property
    def percent(self) -> int:
        return 100 if not self.head else min(100, 100 * (self.head - self.lag) // self.head)

    def _still(self) -> bool:
        moved = self.checkpoint.advanced_at
        return self.behind > STALLED and (moved is None or timezone.now() - moved > STALLED)


def progress_of(checkpoints: list[Checkpoint]) -> list[Progress]:
    """Two queries, and one for each distinct place where a lagging projection stands."""
    head = newest_position()
    now = timezone.now()
    waiting_since: dict[int, datetime] = {}
    for position in {row.store_position for row in checkpoints if row.store_position < head}:
        waiting = StoredEvent.objects.filter(position__gt=position).order_by("position")
        waiting_since[position] = waiting.values_list("recorded_at", flat=True).first() or now
    return [
        Progress(
            row,
            head,
            max(0, head - row.store_position),
            max(now - waiting_since.get(row.store_position, now), timedelta()),
        )
        for row in checkpoints
    ]


def progress() -> list[Progress]:
    """Every projection, the worst first."""
    found = progress_of(list(Checkpoint.objects.all()))
    tones = ("bad", "warn", "good")
    return sorted(found, key=lambda one: (tones.index(one.tone), -one.behind, -one.lag, one.checkpoint.projection))
