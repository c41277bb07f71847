"""Who works on what: partitions and slots are leased, and every write proves that the lease still holds."""

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

#: How long a worker that died keeps others from taking over.
LEASE: Final = timedelta(seconds=10)
#: How often a worker renews its leases.
RENEW_INTERVAL_S: Final = 2.0


def register_worker(owner: str, kind: str) -> int:
    """Say that this worker is alive, and learn how many of its kind are."""
    now = timezone.now()
    SagaWorker.objects.update_or_create(owner=owner, defaults={"kind": kind, "seen_at": now})
    return SagaWorker.objects.filter(kind=kind, seen_at__gt=now - LEASE).count()


def acquire_leases(name: str, numbers: Collection[int], owner: str, workers: int) -> dict[int, PartitionLease]:
    """Take or renew this worker's fair part of some shares, and give back what is more; gives those it has now."""
    opened = _opened(name, numbers)
    now = timezone.now()
    part = math.ceil(len(numbers) / max(1, workers))
    mine = [row.pk for row in opened if row.owner == owner]
    open_ones = [row.pk for row in opened if row.owner != owner and _is_free(row, now)]
    wanted = [*mine, *open_ones][:part]
    free = Q(owner="") | Q(owner=owner) | Q(leased_until=None) | Q(leased_until__lt=now)
    PartitionLease.objects.filter(free, pk__in=wanted).update(owner=owner, leased_until=now + LEASE)
    if mine[part:]:
        PartitionLease.objects.filter(pk__in=mine[part:], owner=owner).update(owner="", leased_until=None)
    return {row.number: row for row in PartitionLease.objects.filter(pk__in=wanted, owner=owner)}


def lock_leases(shares: Mapping[int, PartitionLease], owner: str) -> dict[int, PartitionLease]:
    """The rows, locked for this transaction; raises `ShareLost` if one is another worker's, or was moved on."""
    ids = [row.pk for row in shares.values()]
    found = {
        row.number: row for row in PartitionLease.objects.select_for_update().filter(pk__in=ids).order_by("number")
    }
    for number, row in shares.items():
        now = found.get(number)
        if now is None or now.owner != owner or now.offset != row.offset:
            raise LeaseLost(share=str(row), owner=now.owner if now else "nobody")
    return found


def save_offsets(shares: Mapping[int, PartitionLease], places: Mapping[int, LogOffset]) -> None:
    """Write where locked partitions are now."""
    for number, place in places.items():
        row = shares[number]
        row.offset, row.sequence, row.position = place
    bulk_sql.update_rows([shares[number] for number in places], ["offset", "sequence", "position"])


def offsets_of(shares: Mapping[int, PartitionLease]) -> dict[int, LogOffset]:
    return {number: LogOffset(row.offset, row.sequence, row.position) for number, row in shares.items()}


def reset_kafka_offsets() -> None:
    """Every offset of Kafka's is void: go on from the beginning, where the numbers tell what was heard already."""
    PartitionLease.objects.filter(name="kafka").update(offset=0)


def release_leases(owner: str) -> None:
    """Let others have this worker's shares at once."""
    PartitionLease.objects.filter(owner=owner).update(owner="", leased_until=None)
    SagaWorker.objects.filter(owner=owner).delete()


def _opened(name: str, numbers: Collection[int]) -> list[PartitionLease]:
    found = list(PartitionLease.objects.filter(name=name, number__in=numbers).order_by("number"))
    missing = set(numbers) - {row.number for row in found}
    if missing:
        # Whoever else makes one at the same time makes the same one.
        PartitionLease.objects.bulk_create(
            [PartitionLease(name=name, number=n) for n in sorted(missing)], ignore_conflicts=True
        )
        found = list(PartitionLease.objects.filter(name=name, number__in=numbers).order_by("number"))
    return found


def _is_free(row: PartitionLease, now: datetime) -> bool:
    return not row.owner or row.leased_until is None or row.leased_until < now
