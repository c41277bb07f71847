"""Keeps the leases of all projections of a worker, in few statements however many there are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from django.db import transaction
from django.db.models.functions import Now

from eventshop.projections import checkpoints
from eventshop.projections.checkpoints import LEASE, CheckpointsByPartition
from eventshop.projections.models import Checkpoint
from eventshop.runtime import leases

#: Checkpoints by projection and partition.
CheckpointsByName: TypeAlias = dict[str, CheckpointsByPartition]


class LeaseKeeper:
    """Acquires and renews a worker's fair share of the partitions of each projection.

    Leases only save workers from undoing each other's batches: compare-and-set keeps the rows right.
    """

    def __init__(self, owner: str, names: Sequence[str]) -> None:
        self.owner = owner
        self.names = names

    def load_checkpoints(self) -> CheckpointsByName:
        """The checkpoints as they are now; each has `is_leased`: whether a worker has a lease on it. One statement."""
        rows: CheckpointsByName = {name: {} for name in self.names}
        for row in Checkpoint.objects.filter(projection__in=self.names).annotate(is_leased=leases.is_leased()):
            rows[row.projection][row.partition] = row
        return rows

    def renew(self, loaded: CheckpointsByName, usable: Mapping[str, CheckpointsByPartition]) -> dict[str, set[int]]:
        """Acquire and renew leases on `usable` checkpoints, release all others; return the leased partitions by name.

        A checkpoint that a batch has locked is left as it is: waiting for the batch would delay all others.
        """
        workers = checkpoints.register_worker(self.owner, self.names)
        kept: dict[str, set[int]] = {}
        for name, rows in usable.items():
            share = leases.fair_share(len(rows), workers[name])
            owned = {number for number, row in rows.items() if row.owner == self.owner}
            has_free = any(not row.is_leased for number, row in rows.items() if number not in owned)  # type: ignore[attr-defined]
            is_settled = len(owned) == share or (len(owned) < share and not has_free)
            kept[name] = owned if is_settled else self._acquire_share(rows, owned, share)
        self._renew([usable[name][number].pk for name, numbers in kept.items() for number in numbers])
        self._release(
            [
                row.pk
                for name, rows in loaded.items()
                for number, row in rows.items()
                if row.owner == self.owner and number not in usable.get(name, {})  # paused, or of another version
            ]
        )
        return kept

    def _acquire_share(self, rows: CheckpointsByPartition, owned: set[int], share: int) -> set[int]:
        with transaction.atomic():
            unlocked = _lock([row.pk for row in rows.values()])
            busy = {number for number in owned if rows[number].pk not in unlocked}
            available = Checkpoint.objects.filter(pk__in=unlocked, paused=False).order_by("partition")
            left = max(0, share - len(busy))
            acquired = leases.acquire_share(available, self.owner, LEASE, share=left, polled_at=Now())
        return busy | {row.partition for row in acquired}

    def _renew(self, ids: Sequence[int]) -> None:
        if ids:
            with transaction.atomic():
                rows = Checkpoint.objects.filter(pk__in=_lock(ids), paused=False)
                leases.renew_leases(rows, self.owner, LEASE, polled_at=Now())

    def _release(self, ids: Sequence[int]) -> None:
        if ids:
            with transaction.atomic():
                leases.release_leases(Checkpoint.objects.filter(pk__in=_lock(ids)), self.owner)

    def release(self) -> None:
        """Release everything, so that others need not wait until the leases expire."""
        checkpoints.release_leases(self.owner)


def _lock(ids: Sequence[int]) -> set[int]:
    """Lock those of the checkpoints that nobody has locked, and return their ids."""
    rows = Checkpoint.objects.filter(pk__in=ids).order_by("pk").select_for_update(skip_locked=True)
    return set(rows.values_list("pk", flat=True))
