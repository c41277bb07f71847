"""What this worker leaves to workers of a newer release, because it is too old for it: leases, and single sagas.

A lease is given back for some seconds, so that a worker of the newer release takes it; where there is none, this worker
goes on with everything else. So nothing is skipped, nobody is suspended, and no worker asks in vain all the time.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable
from time import monotonic
from typing import Any, Final
from uuid import UUID

from eventshop.runtime import leases
from eventshop.sagas.models import PartitionLease

log = logging.getLogger(__name__)

#: How long a lease is left to others.
HAND_OVER_S: Final = 10.0
#: How long a saga is left alone before this worker looks at it again.
HOLD_S: Final = 60.0


class NewerRelease:
    """The leases and the sagas that a worker leaves to a newer release at present."""

    def __init__(self, owner: str) -> None:
        self.owner = owner
        self._numbers: dict[int, float] = {}
        self._sagas: dict[UUID, float] = {}

    def hand_over(self, given: Iterable[PartitionLease], reason: object) -> None:
        """Give leases back and do not ask for them for some seconds."""
        for lease in given:
            log.warning("%s is left to a newer release: %s", lease, reason)
            leases.release_leases(PartitionLease.objects.filter(pk=lease.pk), self.owner)
            self._numbers[lease.number] = monotonic() + HAND_OVER_S

    def hold(self, sagas: Iterable[UUID]) -> None:
        """Leave sagas alone for a while."""
        self._sagas |= dict.fromkeys(sagas, monotonic() + HOLD_S)

    def without_handed_over(self, numbers: Collection[int]) -> list[int]:
        """The leases that this worker may ask for."""
        self._numbers = _not_yet(self._numbers)
        return [number for number in numbers if number not in self._numbers]

    def held_sagas(self) -> Collection[UUID]:
        """The sagas that this worker leaves alone now; empty but for a rolling deployment."""
        if self._sagas:
            self._sagas = _not_yet(self._sagas)
        return self._sagas.keys()


def _not_yet(until: dict[Any, float]) -> dict[Any, float]:
    now = monotonic()
    return {key: moment for key, moment in until.items() if moment > now}
