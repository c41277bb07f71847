"""When a snapshot is taken: every so many events (`SNAPSHOT_EVERY`), by a periodic job, so that no command waits."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Final
from uuid import UUID

from django.conf import settings

from eventshop.core.errors import EventShopError, TailBusy
from eventshop.core.message_registry import MessageRegistry
from eventshop.core.message_registry import registry as program
from eventshop.eventstore.backends.protocol import backend
from eventshop.eventstore.models import SnapshotProgress, StoredEvent
from eventshop.runtime import metrics

log = logging.getLogger(__name__)

#: Positions scanned for due snapshots at a time.
SCAN_POSITIONS: Final = 50_000


def snapshot_interval(aggregate_type: str) -> int:
    """Return the number of events between snapshots; 0: no snapshots."""
    intervals: dict[str, int] = settings.SNAPSHOT_EVERY
    return intervals.get(aggregate_type, intervals[""])


def take_due_snapshots(registry: MessageRegistry = program) -> int:
    """Take a snapshot of every stream that passed a multiple of its interval since the last run; return their number.

    A stream that cannot be read (tampered with, or written by a later release) is logged and skipped.
    """
    from eventshop.eventstore.snapshots.repository import take_snapshot

    count = 0
    for aggregate_id in _find_due_streams(registry):
        try:
            count += take_snapshot(aggregate_id, registry)
        except EventShopError as error:
            log.warning("no snapshot taken of stream %s: %s", aggregate_id, error)
    metrics.SNAPSHOTS_TAKEN.inc(count)
    return count


def _find_due_streams(registry: MessageRegistry) -> Iterator[UUID]:
    progress, _ = SnapshotProgress.objects.get_or_create(pk=1)
    try:
        horizon = backend().read_horizon(progress.position)
    except TailBusy:
        return  # the next run tries again
    while progress.position < horizon:
        to = min(horizon, progress.position + SCAN_POSITIONS)
        events = StoredEvent.objects.filter(position__gt=progress.position, position__lte=to).order_by()
        due: dict[UUID, None] = {}
        for name in registry.aggregates:
            if snapshot_interval(name):
                due_events = events.filter(aggregate_type=name).extra(
                    where=["version %% %s = 0"], params=[snapshot_interval(name)]
                )
                due.update(dict.fromkeys(due_events.values_list("aggregate_id", flat=True)))
        yield from due
        progress.position = to
        progress.save()
