"""How far a projection has come in each partition: read, leased, and moved compare-and-set."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from itertools import chain
from typing import Final, NamedTuple, TypeAlias

from django.db import connection
from django.db.models import Q
from django.utils import timezone

from eventshop.core.errors import CheckpointMoved
from eventshop.messaging.event_log import LogOffset
from eventshop.projections.models import Checkpoint, Worker

#: How long a worker that died keeps others from taking over.
LEASE: Final = timedelta(seconds=15)

_ADVANCE: Final = f"""
UPDATE {Checkpoint._meta.db_table} AS it
SET position = moved.column2, sequence = moved.column3, store_position = moved.column4,
    events = it.events + moved.column5, parked = it.parked + moved.column6, advanced_at = %s, polled_at = %s
FROM (VALUES {{values}}) AS moved
WHERE it.id = moved.column1
"""

#: One projection's checkpoints, by partition, as a worker left them.
CheckpointsByPartition: TypeAlias = dict[int, Checkpoint]


class CheckpointMove(NamedTuple):
    """Where one partition goes in this batch."""

    place: LogOffset
    events: int
    parked: int


def open_checkpoints(name: str, partitions: Iterable[int], version: int) -> CheckpointsByPartition:
    """The checkpoints as they are now; a new one starts before the first event."""
    seen = {row.partition: row for row in Checkpoint.objects.filter(projection=name)}
    missing = [number for number in partitions if number not in seen]
    if missing:
        # Whoever else makes one at the same time makes the same one.
        Checkpoint.objects.bulk_create(
            [Checkpoint(projection=name, partition=number, version=version) for number in missing],
            ignore_conflicts=True,
        )
        seen = {row.partition: row for row in Checkpoint.objects.filter(projection=name)}
    return seen


def offsets_of(seen: Mapping[int, Checkpoint]) -> dict[int, LogOffset]:
    return {number: LogOffset(row.position, row.sequence, row.store_position) for number, row in seen.items()}


def reset_offsets() -> None:
    """Every offset is void: go on from the topic's beginning, where the events' numbers tell what is known already."""
    Checkpoint.objects.update(position=0)


def lock_checkpoints(seen: Mapping[int, Checkpoint]) -> CheckpointsByPartition:
    """The rows as they are now, locked for this transaction: nobody moves them meanwhile."""
    ids = [row.pk for row in seen.values()]
    rows = Checkpoint.objects.select_for_update().filter(pk__in=ids).order_by("partition")
    return {row.partition: row for row in rows}


def lock_and_verify(seen: Mapping[int, Checkpoint]) -> CheckpointsByPartition:
    """The rows, locked for this transaction; raises `CheckpointMoved` if one is not where this worker left it."""
    found = lock_checkpoints(seen)
    for number, row in seen.items():
        now = found.get(number)
        if now is None or (now.position, now.version) != (row.position, row.version):
            raise CheckpointMoved(
                projection=row.projection,
                partition=number,
                expected=row.position,
                found=now.position if now else "no checkpoint",
            )
    return found


def advance(rows: Mapping[int, Checkpoint], moves: Mapping[int, CheckpointMove]) -> None:
    """Move locked checkpoints, all in one statement; in the transaction that wrote the rows."""
    now = connection.ops.adapt_datetimefield_value(timezone.now())
    moved = [(rows[number].pk, *move.place, move.events, move.parked) for number, move in moves.items()]
    values = ", ".join(["(%s, %s, %s, %s, %s, %s)"] * len(moved))
    with connection.cursor() as cursor:
        cursor.execute(_ADVANCE.format(values=values), [now, now, *chain.from_iterable(moved)])


def acquire_leases(rows: Iterable[Checkpoint], owner: str, *, limit: int | None = None) -> set[int]:
    """Take or renew the right to work on partitions, at most `share` of them; gives the ones this worker has.

    Leases only save workers from undoing each other's batches: what keeps the rows right is compare-and-set.
    """
    now = timezone.now()
    free = Q(owner="") | Q(owner=owner) | Q(leased_until=None) | Q(leased_until__lt=now)
    ordered = sorted(rows, key=lambda row: (row.owner != owner, row.partition))
    mine: set[int] = set()
    for row in ordered:
        wanted = limit is None or len(mine) < limit
        if wanted and Checkpoint.objects.filter(free, pk=row.pk, paused=False).update(
            owner=owner, leased_until=now + LEASE, polled_at=now
        ):
            row.owner = owner
            mine.add(row.partition)
        else:
            Checkpoint.objects.filter(pk=row.pk, owner=owner).update(owner="", leased_until=None)
    return mine


def register_worker(owner: str, projections: Sequence[str]) -> dict[str, int]:
    """Say that this worker is alive, and learn how many run each of its projections, itself included."""
    now = timezone.now()
    Worker.objects.update_or_create(
        owner=owner,
        defaults={"projections": ",".join(projections), "seen_at": now},
        create_defaults={"projections": ",".join(projections), "seen_at": now, "started_at": now},
    )
    alive = Worker.objects.filter(seen_at__gt=now - LEASE).values_list("projections", flat=True)
    running = [names.split(",") for names in alive]
    return {name: sum(name in names for names in running) for name in projections}


def fair_share(partitions: int, workers: int) -> int:
    return math.ceil(partitions / max(1, workers))


def release_leases(owner: str) -> None:
    """Give every lease of a worker back, so that another need not wait for it to run out."""
    Checkpoint.objects.filter(owner=owner).update(owner="", leased_until=None)
    Worker.objects.filter(owner=owner).delete()
