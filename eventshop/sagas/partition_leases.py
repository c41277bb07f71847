"""Leases on partitions, of the event log and of the sagas. Every write verifies that its lease is still valid."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Final

from django.db.models import Q
from django.utils import timezone

from eventshop.eventstore.backends import bulk_sql
from eventshop.messaging.event_log import LogOffset
from eventshop.sagas.errors import LeaseLost
from eventshop.sagas.models import PartitionLease, SagaWorker

#: How long the leases of a dead worker stay valid.
LEASE: Final = timedelta(seconds=10)
#: How often a worker renews its leases.
RENEW_INTERVAL_S: Final = 2.0


def register_worker(owner: str, kind: str) -> int:
    """Record that this worker is alive; returns how many workers of its kind are."""
    now = timezone.now()
    SagaWorker.objects.update_or_create(owner=owner, defaults={"kind": kind, "seen_at": now})
    return SagaWorker.objects.filter(kind=kind, seen_at__gt=now - LEASE).count()


def acquire_leases(name: str, numbers: Collection[int], owner: str, workers: int) -> dict[int, PartitionLease]:
    """Acquire or renew this worker's fair share of the leases and release the rest; returns those it has now."""
    rows = _ensure_rows(name, numbers)
    now = timezone.now()
    share = math.ceil(len(numbers) / max(1, workers))
    owned = [row.pk for row in rows if row.owner == owner]
    free = [row.pk for row in rows if row.owner != owner and _is_free(row, now)]
    wanted = [*owned, *free][:share]
    still_free = Q(owner="") | Q(owner=owner) | Q(leased_until=None) | Q(leased_until__lt=now)
    PartitionLease.objects.filter(still_free, pk__in=wanted).update(owner=owner, leased_until=now + LEASE)
    if owned[share:]:
        PartitionLease.objects.filter(pk__in=owned[share:], owner=owner).update(owner="", leased_until=None)
    return {row.number: row for row in PartitionLease.objects.filter(pk__in=wanted, owner=owner)}


def lock_leases(leases: Mapping[int, PartitionLease], owner: str) -> dict[int, PartitionLease]:
    """The rows, locked for this transaction.

    Raises `LeaseLost` if a lease belongs to another worker, or its offset is not the one in memory.
    """
    ids = [row.pk for row in leases.values()]
    rows = {row.number: row for row in PartitionLease.objects.select_for_update().filter(pk__in=ids).order_by("number")}
    for number, lease in leases.items():
        row = rows.get(number)
        if row is None or row.owner != owner or row.offset != lease.offset:
            raise LeaseLost(lease=str(lease), owner=row.owner if row else "nobody")
    return rows


def save_offsets(leases: Mapping[int, PartitionLease], offsets: Mapping[int, LogOffset]) -> None:
    """Write the new offsets of locked partitions."""
    for number, offset in offsets.items():
        row = leases[number]
        row.offset, row.sequence, row.position = offset
    bulk_sql.update_rows([leases[number] for number in offsets], ["offset", "sequence", "position"])


def offsets_of(leases: Mapping[int, PartitionLease]) -> dict[int, LogOffset]:
    return {number: LogOffset(row.offset, row.sequence, row.position) for number, row in leases.items()}


def reset_kafka_offsets() -> None:
    """Read a recreated topic from its beginning; the sequence numbers tell which events were routed before."""
    PartitionLease.objects.filter(name="kafka").update(offset=0)


def release_leases(owner: str) -> None:
    """Release all leases of a worker, so that others need not wait until they expire."""
    PartitionLease.objects.filter(owner=owner).update(owner="", leased_until=None)
    SagaWorker.objects.filter(owner=owner).delete()


def _ensure_rows(name: str, numbers: Collection[int]) -> list[PartitionLease]:
    rows = list(PartitionLease.objects.filter(name=name, number__in=numbers).order_by("number"))
    missing = set(numbers) - {row.number for row in rows}
    if missing:
        # Another worker that creates one at the same time creates the same one.
        PartitionLease.objects.bulk_create(
            [PartitionLease(name=name, number=number) for number in sorted(missing)], ignore_conflicts=True
        )
        rows = list(PartitionLease.objects.filter(name=name, number__in=numbers).order_by("number"))
    return rows


def _is_free(row: PartitionLease, now: datetime) -> bool:
    return not row.owner or row.leased_until is None or row.leased_until < now
