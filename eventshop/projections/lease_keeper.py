"""Keeps the leases of all projections of a worker, in few statements however many there are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from django.db.models import BooleanField, ExpressionWrapper
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
        """The checkpoints as they are now; each has `is_free`: whether no worker has a lease on it. One statement."""
        rows: CheckpointsByName = {name: {} for name in self.names}
        is_free = ExpressionWrapper(leases.is_unleased(), output_field=BooleanField())
        for row in Checkpoint.objects.filter(projection__in=self.names).annotate(is_free=is_free):
            rows[row.projection][row.partition] = row
        return rows

    def renew(self, loaded: CheckpointsByName, usable: Mapping[str, CheckpointsByPartition]) -> dict[str, set[int]]:
        """Acquire and renew leases on `usable` checkpoints, release all others; return the leased partitions by name.

        Two statements for the heartbeat and one for all leases as long as they stay as they are.
        """
        workers = checkpoints.register_worker(self.owner, self.names)
        kept: dict[str, set[int]] = {}
        moved: set[str] = set()
        ids: list[int] = []
        for name, rows in usable.items():
            share = leases.fair_share(len(rows), workers[name])
            owned = {number for number, row in rows.items() if row.owner == self.owner}
            free = [number for number, row in rows.items() if number not in owned and row.is_free]  # type: ignore[attr-defined]
            if len(owned) > share or (len(owned) < share and free):
                moved.add(name)
            else:
                kept[name] = owned
                ids += (rows[number].pk for number in owned)
        active = Checkpoint.objects.filter(pk__in=ids, paused=False)
        if ids and leases.renew_leases(active, self.owner, LEASE, polled_at=Now()) < len(ids):
            moved.update(kept)  # another worker or an operator has taken one away: choose again
        for name in moved:
            share = leases.fair_share(len(usable[name]), workers[name])
            rows = [row for _, row in sorted(usable[name].items())]
            kept[name] = checkpoints.acquire_leases(rows, self.owner, limit=share)
        self._release_unusable(loaded, usable)
        return kept

    def release(self) -> None:
        """Release everything, so that others need not wait until the leases expire."""
        checkpoints.release_leases(self.owner)

    def _release_unusable(self, loaded: CheckpointsByName, usable: Mapping[str, CheckpointsByPartition]) -> None:
        """Release leases on checkpoints that were paused or belong to another version now."""
        surplus = [
            row.pk
            for name, rows in loaded.items()
            for number, row in rows.items()
            if row.owner == self.owner and number not in usable.get(name, {})
        ]
        if surplus:
            leases.release_leases(Checkpoint.objects.filter(pk__in=surplus), self.owner)
