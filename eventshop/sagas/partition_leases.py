"""Leases on the event table and on the partitions of the sagas. Every write verifies that its lease is still valid."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from datetime import timedelta
from typing import Final

from eventshop.runtime import leases as runtime_leases
from eventshop.runtime.heartbeats import record_heartbeat
from eventshop.sagas.errors import LeaseLost
from eventshop.sagas.models import PartitionLease, SagaWorker

#: How long the leases of a dead worker stay valid.
LEASE: Final = timedelta(seconds=10)
#: How often a worker renews its leases.
RENEW_INTERVAL_S: Final = 3.0
#: The same while leases pass from one worker to another: nobody works on a partition that is between two workers.
REBALANCE_INTERVAL_S: Final = 0.2


def register_worker(owner: str, kind: str) -> int:
    """Record that this worker is alive; returns how many workers of its kind are."""
    return record_heartbeat(SagaWorker.objects.all(), owner, LEASE, kind=kind).filter(kind=kind).count()


def acquire_leases(name: str, numbers: Collection[int], owner: str, workers: int) -> dict[int, PartitionLease]:
    """Acquire or renew this worker's fair share of the leases and release the rest; returns those it has now."""
    rows = PartitionLease.objects.filter(name=name, number__in=numbers).order_by("number")
    share = runtime_leases.fair_share(len(numbers), workers)
    known = _ensure_rows(name, numbers)
    return {row.number: row for row in runtime_leases.acquire_share(rows, owner, LEASE, share=share, known=known)}


def is_rebalancing(name: str, numbers: Collection[int], workers: int) -> bool:
    """Whether a lease is free, or a worker has more than its fair share. One statement."""
    owners = Counter(PartitionLease.objects.filter(name=name, number__in=numbers).values_list("owner", flat=True))
    return "" in owners or max(owners.values()) > runtime_leases.fair_share(len(numbers), workers)


def lock_leases(leases: Collection[PartitionLease], owner: str) -> None:
    """Keep other workers from taking these leases until this transaction ends.

    Raises `LeaseLost` if one belongs to another worker.
    """
    rows = PartitionLease.objects.filter(pk__in=[lease.pk for lease in leases]).order_by("number")
    owners = dict(rows.select_for_update(no_key=True).values_list("pk", "owner"))
    for lease in leases:
        if owners.get(lease.pk) != owner:
            raise LeaseLost(lease=str(lease), owner=owners.get(lease.pk, "nobody"))


def advance_lease(lease: PartitionLease, owner: str, position: int) -> None:
    """Move the position of a lease on the event table; no other worker takes it until this transaction ends.

    Raises `LeaseLost` if it belongs to another worker, or its position is not the one in memory.
    """
    unmoved = PartitionLease.objects.filter(pk=lease.pk, owner=owner, offset=lease.offset)
    if not unmoved.update(offset=position, position=position):
        raise LeaseLost(lease=str(lease))


def release_leases(owner: str) -> None:
    """Release all leases of a worker, so that others need not wait until they expire."""
    runtime_leases.release_leases(PartitionLease.objects.all(), owner)
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
