"""Running projections: step by step, until caught up, or until told to stop."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Iterable, Sequence
from threading import Event as Signal
from time import monotonic
from typing import Any, Final

from django.db import DatabaseError, InterfaceError, OperationalError, connections

from eventshop.core.errors import CheckpointMoved, TailBusy
from eventshop.log.base import EventLog
from projections.engine import batch, checkpoint, parking
from projections.engine.projection import Projection
from projections.engine.rebuild import rebuild
from projections.engine.tables import Checkpoint

log = logging.getLogger(__name__)

#: Events folded in one transaction.
BATCH: Final = 1_000
#: An idle runner looks again after 5 ms, then less and less often, down to this.
IDLE_S: Final = 0.2
#: How often leases are renewed and due retries looked for.
CARE_S: Final = 2.0


class Runner:
    """Some projections, one after the other in one thread, each at its own checkpoint.

    `owner` names the worker that leases them; a runner without owner takes no leases (`run_projections --once`): the
    checkpoints keep it and a worker from doing anything twice.
    """

    def __init__(self, projections: Iterable[Projection[Any]], source: EventLog, *, owner: str = "") -> None:
        self.places = [parking.live(projection) for projection in projections]
        self.source = source
        self.owner = owner
        self._seen: dict[str, Checkpoint] = {}
        self._mine: Sequence[parking.Place] = ()
        self._care_at = 0.0

    def step(self, place: parking.Place, limit: int = BATCH) -> int:
        """Fold the next events of one projection; how many there were."""
        seen = self._seen.get(place.name) or self._opened(place)
        delivered = self.source.read(seen.partition, seen.position, limit)
        if not delivered:
            return 0
        try:
            seen.position = batch.project(place, seen, delivered)
        except Exception:
            self._seen.pop(place.name, None)  # wherever it is now, it is not where this runner believed
            raise
        return len(delivered)

    def catch_up(self, told: Callable[[str, int], None] = lambda name, events: None, patience_s: float = 30) -> int:
        """Fold everything there is; gives the number of events. For `--once`, importers and tests."""
        batch.relax_commits()
        events, give_up = 0, monotonic() + patience_s
        behind = list(self.places)
        while behind:
            for place in list(behind):
                try:
                    advanced = self.step(place)
                except (TailBusy, CheckpointMoved):
                    if monotonic() > give_up:
                        raise
                    continue
                give_up = monotonic() + patience_s
                events += advanced
                told(place.name, advanced)
                if not advanced:
                    behind.remove(place)
        return events

    def run(self, stop: Signal) -> None:
        """Fold until told to stop. A database that is away is waited for; leases are given back at the end."""
        idle, failures = 0.005, 0
        while not stop.is_set():
            try:
                advanced = self._round()
                failures = 0
            except Exception as error:  # a worker outlives whatever happens to one round, and says so
                failures += 1
                away = isinstance(error, OperationalError | InterfaceError)
                log.warning("round failed, trying again: %s", error, exc_info=not away)
                connections.close_all()
                self._seen.clear()
                self._care_at = 0.0
                stop.wait(min(10.0, 0.1 * 2**failures) * random.uniform(0.5, 1))  # noqa: S311
                continue
            idle = 0.005 if advanced else min(IDLE_S, idle * 2)
            if not advanced:
                stop.wait(idle)
        self._give_back()

    def _round(self) -> int:
        if monotonic() >= self._care_at:
            batch.relax_commits()
            self._mine = self._leased()
            self._retry_due()
            self._care_at = monotonic() + CARE_S
        return sum(self._patiently(place) for place in self._mine)

    def _patiently(self, place: parking.Place) -> int:
        try:
            return self.step(place)
        except (TailBusy, CheckpointMoved) as busy:
            log.info("%s: %s", place.name, busy)
            return 0

    def _leased(self) -> Sequence[parking.Place]:
        mine = []
        for place in self.places:
            seen = self._seen.get(place.name) or self._opened(place)
            if checkpoint.lease(seen, self.owner):
                mine.append(place)
            else:
                self._seen.pop(place.name, None)
        return mine

    def _retry_due(self) -> None:
        mine = {place.name: place for place in self._mine}
        for name, aggregate_id in parking.due(list(mine)):
            result = parking.drain(mine[name], aggregate_id)
            log.info("%s: %s parked events drained, %s remain", name, result.drained, result.remaining)

    def _opened(self, place: parking.Place) -> Checkpoint:
        row = checkpoint.opened(place.name, 0, place.projection.version)
        if row.version != place.projection.version:
            log.warning("%s: rows are of version %s; rebuilding", place.name, row.version)
            rebuild(
                place.projection,
                self.source,
                requested_by="engine",
                reason="the projection has a new version",
            )
            row = checkpoint.opened(place.name, 0, place.projection.version)
        self._seen[place.name] = row
        return row

    def _give_back(self) -> None:
        try:
            checkpoint.release(self.owner)
        except DatabaseError as error:
            log.warning("leases not given back, they run out by themselves: %s", error)
        connections.close_all()
