"""How far a projection has come: read, leased, and moved compare-and-set."""

from __future__ import annotations

import os
import socket
from datetime import timedelta
from typing import Final

from django.db.models import F, Q
from django.utils import timezone

from eventshop.core.errors import CheckpointMoved
from projections.engine.tables import Checkpoint

#: How long a worker that died keeps others from taking over.
LEASE: Final = timedelta(seconds=15)


def this_worker() -> str:
    """A name for this process that an operator can find."""
    return f"{socket.gethostname()}:{os.getpid()}"


def opened(name: str, partition: int, version: int) -> Checkpoint:
    """The checkpoint as it is now; a new one starts before the first event."""
    row, _ = Checkpoint.objects.get_or_create(projection=name, partition=partition, defaults={"version": version})
    return row


def locked(seen: Checkpoint) -> Checkpoint:
    """The row, locked for this transaction; raises `CheckpointMoved` if it is not where this worker left it."""
    row = Checkpoint.objects.select_for_update().filter(pk=seen.pk).first()
    if row is None or row.position != seen.position or row.version != seen.version:
        raise CheckpointMoved(
            projection=seen.projection, expected=seen.position, found=row.position if row else "no checkpoint"
        )
    return row


def advance(row: Checkpoint, position: int, *, events: int, parked: int) -> None:
    """Move a locked checkpoint; in the transaction that wrote the rows."""
    now = timezone.now()
    Checkpoint.objects.filter(pk=row.pk).update(
        position=position,
        events=F("events") + events,
        parked=F("parked") + parked,
        advanced_at=now,
        polled_at=now,
    )


def lease(row: Checkpoint, owner: str) -> bool:
    """Take or renew the right to work on a projection; saves two workers from undoing each other's batches."""
    now = timezone.now()
    free = Q(owner="") | Q(owner=owner) | Q(leased_until=None) | Q(leased_until__lt=now)
    taken = Checkpoint.objects.filter(free, pk=row.pk, paused=False).update(
        owner=owner, leased_until=now + LEASE, polled_at=now
    )
    return bool(taken)


def release(owner: str) -> None:
    """Give every lease of a worker back, so that another need not wait for it to run out."""
    Checkpoint.objects.filter(owner=owner).update(owner="", leased_until=None)
