"""Running projections: step by step, until caught up, or until told to stop."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from threading import Event as Signal
from time import monotonic, sleep
from typing import Any, Final

from django.db import DatabaseError, connections

from eventshop.core.errors import CheckpointMoved, ProjectionError, TailBusy
from eventshop.messaging.event_log import EventLog, LogReader
from eventshop.projections import batch_processor, checkpoints, dead_letters
from eventshop.projections.checkpoints import CheckpointsByPartition
from eventshop.projections.dead_letters import ProjectionTarget
from eventshop.projections.projection import Projection
from eventshop.projections.read_model_table import TRANSIENT_ERRORS
from eventshop.projections.rebuild import rebuild
from eventshop.runtime.watchdog import Watchdog

log = logging.getLogger(__name__)

#: Events folded in one transaction.
BATCH: Final = 1_000
#: An idle runner looks again after 5 ms, then less and less often, down to this.
IDLE_S: Final = 0.2
#: How often leases are renewed and due retries looked for.
RENEW_INTERVAL_S: Final = 2.0
#: A batch that takes longer hangs, and its process has to be started again.
HANGING_S: Final = 180.0
#: How long a projection stands still that cannot go on: not rebuilt for its new version, its table not there.
SUSPEND_S: Final = 60.0


class ProjectionRunner:
    """Some projections, one after the other in one thread, each at its own checkpoints.

    `owner` names the worker that leases them; a runner without owner takes no leases (`run_projections --once`): the
    checkpoints keep it and a worker from doing anything twice. A `watchdog` ends the process when a batch hangs.
    """

    def __init__(
        self,
        projections: Iterable[Projection[Any]],
        source: EventLog,
        *,
        owner: str = "",
        watchdog: Watchdog | None = None,
        hanging_s: float = HANGING_S,
    ) -> None:
        self.targets = [dead_letters.live_target(projection) for projection in projections]
        self.source = source
        self.owner = owner
        self._watched: Callable[[], AbstractContextManager[None]] = (
            nullcontext if watchdog is None else partial(watchdog.deadline, hanging_s, "a batch")
        )
        self._readers: dict[str, LogReader] = {}
        self._seen: dict[str, CheckpointsByPartition] = {}
        self._held_until: dict[str, float] = {}
        self._care_at = 0.0
        self._stop = Signal()

    def run_batch(self, site: ProjectionTarget, limit: int = BATCH) -> int:
        """Fold the next events of one projection; how many there were."""
        seen = self._seen.get(site.name)
        if seen is None:
            seen = self._seen[site.name] = self._opened(site)
        delivered = self._reader(site).read(checkpoints.offsets_of(seen), limit)
        if not delivered:
            return 0
        try:
            with self._watched():
                batch_processor.process_batch(site, seen, delivered)
        except Exception:
            self._seen.pop(site.name, None)  # wherever it is now, it is not where this runner believed
            raise
        return len(delivered)

    def catch_up(
        self, on_progress: Callable[[str, int], None] = lambda name, events: None, timeout_s: float = 30
    ) -> int:
        """Fold everything there is; gives the number of events. For `--once`, importers and tests."""
        events, give_up = 0, monotonic() + timeout_s
        behind = list(self.targets)
        while behind:
            for site in list(behind):
                try:
                    advanced = self.run_batch(site)
                except (TailBusy, CheckpointMoved):
                    if monotonic() > give_up:
                        raise
                    sleep(0.02)
                    continue
                if advanced:
                    give_up = monotonic() + timeout_s
                events += advanced
                on_progress(site.name, advanced)
                if not advanced and self._reader(site).is_at_end(checkpoints.offsets_of(self._seen[site.name])):
                    behind.remove(site)
        return events

    def run(self, stop: Signal) -> None:
        """Fold until told to stop. A database that is away is waited for; leases are given back at the end."""
        self._stop, idle, failures = stop, 0.005, 0
        while not stop.is_set():
            try:
                advanced = self._round()
                failures = 0
            except Exception as error:  # a worker outlives whatever happens to one round, and says so
                failures += 1
                log.warning("round failed, trying again: %s", error, exc_info=not isinstance(error, TRANSIENT_ERRORS))
                self._forget()
                stop.wait(min(10.0, 0.1 * 2 ** min(failures, 10)) * random.uniform(0.5, 1))  # noqa: S311
                continue
            idle = 0.005 if advanced else min(IDLE_S, idle * 2)
            if not advanced:
                self._wait(idle, stop)
        self._give_back()

    def close(self) -> None:
        for reader in self._readers.values():
            reader.close()
        self._readers.clear()

    def _round(self) -> int:
        if monotonic() >= self._care_at:
            self._lease()
            self._retry_due()
            self._care_at = monotonic() + RENEW_INTERVAL_S
        return sum(self._patiently(site) for site in self.targets if self._seen.get(site.name))

    def _wait(self, seconds: float, stop: Signal) -> None:
        """A runner of one projection waits where its events come in; one of several looks at each in turn."""
        site = self.targets[0]
        if len(self.targets) == 1 and self._seen.get(site.name):
            self._reader(site).wait(seconds, stop)
        else:
            stop.wait(seconds)

    def _patiently(self, site: ProjectionTarget) -> int:
        try:
            return self.run_batch(site)
        except (TailBusy, CheckpointMoved) as busy:
            log.info("%s: %s", site.name, busy)
        except TRANSIENT_ERRORS:
            raise
        except Exception as error:
            log.warning("%s stands still: %s", site.name, error, exc_info=True)
            self._held_until[site.name] = monotonic() + SUSPEND_S
        return 0

    def _lease(self) -> None:
        """Take and renew leases; of several workers each takes its fair share of the partitions."""
        running = checkpoints.register_worker(self.owner, [site.name for site in self.targets])
        for site in self.targets:
            seen = self._seen.get(site.name) or {}
            rows = {**self._opened_or_held(site), **seen}
            share = checkpoints.fair_share(len(rows), running[site.name])
            mine = checkpoints.acquire_leases(rows.values(), self.owner, limit=share)
            # A partition just taken over starts from the database, not from what this runner remembers.
            self._seen[site.name] = {number: rows[number] for number in sorted(mine)}

    def _retry_due(self) -> None:
        mine = {site.name: site for site in self.targets if self._seen.get(site.name)}
        for name, aggregate_id in dead_letters.due_retries(list(mine)):
            result = dead_letters.retry_queue(mine[name], aggregate_id)
            log.info("%s: %s parked events drained, %s remain", name, result.folded, result.remaining)

    def _opened(self, site: ProjectionTarget) -> CheckpointsByPartition:
        """The checkpoints of a projection that may go on; its rows are rebuilt first if an older version wrote them."""
        projection = site.projection
        rows = checkpoints.open_checkpoints(site.name, self.source.partitions, projection.version)
        newest = max(row.version for row in rows.values())
        if newest > projection.version:
            raise ProjectionError(
                f"{site.name}: its rows are of version {newest}, this program's is {projection.version}; "
                "to go back, rebuild it"
            )
        if any(row.version < projection.version for row in rows.values()):
            log.warning("%s: its rows are of an older version; rebuilding", site.name)
            reason = f"version {projection.version}"
            rebuild(projection, self.source, requested_by="engine", reason=reason, stopping=self._stop)
            rows = checkpoints.open_checkpoints(site.name, self.source.partitions, projection.version)
        return {number: row for number, row in rows.items() if row.version == projection.version and not row.paused}

    def _opened_or_held(self, site: ProjectionTarget) -> CheckpointsByPartition:
        """As `_opened`; a projection that cannot go on stands still for a while, and holds up no other."""
        if monotonic() < self._held_until.get(site.name, 0.0):
            return {}
        try:
            return self._opened(site)
        except CheckpointMoved as elsewhere:
            log.info("%s: %s", site.name, elsewhere)
            return {}
        except ProjectionError as error:
            log.warning("%s stands still: %s", site.name, error)
            self._held_until[site.name] = monotonic() + SUSPEND_S
            return {}

    def _reader(self, site: ProjectionTarget) -> LogReader:
        if site.name not in self._readers:
            self._readers[site.name] = self.source.open_reader(site.name)
        return self._readers[site.name]

    def _forget(self) -> None:
        connections.close_all()
        self.close()
        self._seen.clear()
        self._care_at = 0.0

    def _give_back(self) -> None:
        self.close()
        try:
            checkpoints.release_leases(self.owner)
        except DatabaseError as error:
            log.warning("leases not given back, they run out by themselves: %s", error)
        connections.close_all()
