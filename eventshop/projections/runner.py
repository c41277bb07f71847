"""The projection runner folds events batch by batch: until it has caught up, or until it is stopped."""

from __future__ import annotations

import logging
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
from eventshop.projections.projection import Projection
from eventshop.projections.rebuild import rebuild
from eventshop.projections.targets import ProjectionTarget, live_target
from eventshop.runtime import leases
from eventshop.runtime.backoff import TRANSIENT_ERRORS
from eventshop.runtime.watchdog import Watchdog
from eventshop.runtime.worker_loop import run_rounds

log = logging.getLogger(__name__)

#: Events folded in one transaction.
BATCH: Final = 1_000
#: The longest interval at which an idle runner polls; it starts at 5 ms and doubles.
IDLE_S: Final = 0.2
#: How often leases are renewed and due retries looked for.
RENEW_INTERVAL_S: Final = 2.0
#: A batch that takes longer hangs, and its process must be restarted.
HANGING_S: Final = 180.0
#: How long a projection is suspended that cannot go on: not rebuilt for its new version, or without its table.
SUSPEND_S: Final = 60.0


class ProjectionRunner:
    """Runs some projections in turn in one thread, each from its own checkpoints.

    `owner` names the worker that leases them; a runner without owner takes no leases (`run_projections --once`): the
    checkpoints keep it and a worker from folding an event twice. A `watchdog` ends the process when a batch hangs.
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
        self.targets = [live_target(projection) for projection in projections]
        self.source = source
        self.owner = owner
        self._deadline: Callable[[], AbstractContextManager[None]] = (
            nullcontext if watchdog is None else partial(watchdog.deadline, hanging_s, "a batch")
        )
        self._readers: dict[str, LogReader] = {}
        self._cached: dict[str, CheckpointsByPartition] = {}
        self._suspended_until: dict[str, float] = {}
        self._renew_at = 0.0
        self._stop = Signal()

    def run_batch(self, target: ProjectionTarget, limit: int = BATCH) -> int:
        """Fold the next events of one projection; returns how many there were."""
        cached = self._cached.get(target.name)
        if cached is None:
            cached = self._cached[target.name] = self._open_checkpoints(target)
        delivered = self._reader(target).read(checkpoints.offsets_of(cached), limit)
        if not delivered:
            return 0
        try:
            with self._deadline():
                batch_processor.process_batch(target, cached, delivered)
        except Exception:
            self._cached.pop(target.name, None)  # the checkpoints in memory may be wrong: read them again
            raise
        return len(delivered)

    def catch_up(
        self, on_progress: Callable[[str, int], None] = lambda name, events: None, timeout_s: float = 30
    ) -> int:
        """Fold all events there are; returns how many. For `--once`, importers and tests."""
        events, deadline = 0, monotonic() + timeout_s
        behind = list(self.targets)
        while behind:
            for target in list(behind):
                try:
                    folded = self.run_batch(target)
                except (TailBusy, CheckpointMoved):
                    if monotonic() > deadline:
                        raise
                    sleep(0.02)
                    continue
                if folded:
                    deadline = monotonic() + timeout_s
                events += folded
                on_progress(target.name, folded)
                if not folded and self._reader(target).is_at_end(checkpoints.offsets_of(self._cached[target.name])):
                    behind.remove(target)
        return events

    def run(self, stop: Signal) -> None:
        """Fold until stopped; leases are released at the end."""
        self._stop, idle = stop, 0.005

        def run_round(failures: int) -> None:
            nonlocal idle
            try:
                folded = self._run_round()
            except Exception:
                self._reset()
                raise
            idle = 0.005 if folded else min(IDLE_S, idle * 2)
            if not folded:
                self._wait(idle, stop)

        run_rounds("projections", run_round, stop)
        self._release_leases()

    def close(self) -> None:
        for reader in self._readers.values():
            reader.close()
        self._readers.clear()

    def _run_round(self) -> int:
        if monotonic() >= self._renew_at:
            self._renew_leases()
            self._retry_due_dead_letters()
            self._renew_at = monotonic() + RENEW_INTERVAL_S
        return sum(self._run_batch_or_suspend(target) for target in self.targets if self._cached.get(target.name))

    def _wait(self, seconds: float, stop: Signal) -> None:
        """A runner of one projection waits for the log to report new events; one of several polls."""
        target = self.targets[0]
        if len(self.targets) == 1 and self._cached.get(target.name):
            self._reader(target).wait(seconds, stop)
        else:
            stop.wait(seconds)

    def _run_batch_or_suspend(self, target: ProjectionTarget) -> int:
        try:
            return self.run_batch(target)
        except (TailBusy, CheckpointMoved) as error:
            log.info("%s: %s", target.name, error)
        except TRANSIENT_ERRORS:
            raise
        except Exception as error:
            log.warning("%s is suspended for %s s: %s", target.name, SUSPEND_S, error, exc_info=True)
            self._suspended_until[target.name] = monotonic() + SUSPEND_S
        return 0

    def _renew_leases(self) -> None:
        """Acquire and renew leases; each of several workers gets its fair share of the partitions."""
        workers = checkpoints.register_worker(self.owner, [target.name for target in self.targets])
        for target in self.targets:
            cached = self._cached.get(target.name) or {}
            rows = {**self._open_unless_suspended(target), **cached}
            share = leases.fair_share(len(rows), workers[target.name])
            leased = checkpoints.acquire_leases(rows.values(), self.owner, limit=share)
            # A partition that was just acquired starts from the database, not from what this runner remembers.
            self._cached[target.name] = {number: rows[number] for number in sorted(leased)}

    def _retry_due_dead_letters(self) -> None:
        leased = {target.name: target for target in self.targets if self._cached.get(target.name)}
        for name, aggregate_id in dead_letters.due_retries(list(leased)):
            result = dead_letters.retry_queue(leased[name], aggregate_id)
            log.info("%s: %s dead letters folded, %s remain", name, result.folded, result.remaining)

    def _open_checkpoints(self, target: ProjectionTarget) -> CheckpointsByPartition:
        """The checkpoints that are neither paused nor of another version.

        Rows of an older version are rebuilt first. Raises `ProjectionError` for rows of a newer version.
        """
        projection = target.projection
        rows = checkpoints.open_checkpoints(target.name, self.source.partitions, projection.version)
        newest = max(row.version for row in rows.values())
        if newest > projection.version:
            raise ProjectionError(
                f"{target.name}: its rows are of version {newest}, this program's is {projection.version}; "
                "to go back, rebuild it"
            )
        if any(row.version < projection.version for row in rows.values()):
            log.warning("%s: its rows are of an older version; rebuilding", target.name)
            reason = f"version {projection.version}"
            rebuild(projection, self.source, requested_by="engine", reason=reason, stopping=self._stop)
            rows = checkpoints.open_checkpoints(target.name, self.source.partitions, projection.version)
        return {number: row for number, row in rows.items() if row.version == projection.version and not row.paused}

    def _open_unless_suspended(self, target: ProjectionTarget) -> CheckpointsByPartition:
        """As `_open_checkpoints`; a projection that cannot go on is suspended, and delays no other."""
        if monotonic() < self._suspended_until.get(target.name, 0.0):
            return {}
        try:
            return self._open_checkpoints(target)
        except CheckpointMoved as error:  # another process is rebuilding it
            log.info("%s: %s", target.name, error)
            return {}
        except ProjectionError as error:
            log.warning("%s is suspended for %s s: %s", target.name, SUSPEND_S, error)
            self._suspended_until[target.name] = monotonic() + SUSPEND_S
            return {}

    def _reader(self, target: ProjectionTarget) -> LogReader:
        if target.name not in self._readers:
            self._readers[target.name] = self.source.open_reader(target.name)
        return self._readers[target.name]

    def _reset(self) -> None:
        connections.close_all()
        self.close()
        self._cached.clear()
        self._renew_at = 0.0

    def _release_leases(self) -> None:
        self.close()
        try:
            checkpoints.release_leases(self.owner)
        except DatabaseError as error:
            log.warning("leases were not released and will expire: %s", error)
        connections.close_all()
