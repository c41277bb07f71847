"""Folds events batch by batch, each projection from its own checkpoints, until all have caught up."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from threading import Event as Signal
from time import monotonic, sleep
from typing import Any, Final

from eventshop.core.errors import CheckpointMoved, EventShopError, ProjectionError, TailBusy
from eventshop.core.message_registry import registry
from eventshop.messaging.event_log import Delivery, EventLog, LogReader, UnreadableDelivery
from eventshop.projections import batch_processor, checkpoints
from eventshop.projections.checkpoints import CheckpointMove, CheckpointsByPartition
from eventshop.projections.models import Checkpoint
from eventshop.projections.projection import Projection
from eventshop.projections.rebuild import rebuild
from eventshop.projections.targets import ProjectionTarget, live_target
from eventshop.runtime import metrics
from eventshop.runtime.backoff import WORKER_BACKOFF
from eventshop.runtime.watchdog import Watchdog

log = logging.getLogger(__name__)

#: Events folded in one transaction.
BATCH: Final = 1_000
#: A batch that takes longer hangs, and its process must be restarted.
HANGING_S: Final = 180.0

#: How often a reader's offsets are reported again when Kafka does not take them; it may only just have started.
REPORT_ATTEMPTS: Final = 5

#: Ends the process when the block takes too long.
Deadline = Callable[[], AbstractContextManager[None]]


def batch_deadline(watchdog: Watchdog | None, hanging_s: float = HANGING_S) -> Deadline:
    """The deadline of one batch; none without a watchdog."""
    return nullcontext if watchdog is None else partial(watchdog.deadline, hanging_s, "a batch")


class TargetRunner:
    """Folds the events of one projection. It is used by one thread at a time."""

    def __init__(
        self,
        target: ProjectionTarget,
        source: EventLog,
        deadline: Deadline = nullcontext,
        open_reader: Callable[[str], LogReader] | None = None,
    ) -> None:
        self.target = target
        self.source = source
        self.cached: CheckpointsByPartition = {}
        self._deadline = deadline
        self._open_reader = open_reader or source.open_reader
        self._reader: LogReader | None = None

    @property
    def name(self) -> str:
        return self.target.name

    @property
    def reader(self) -> LogReader:
        """The reader of the log, opened on first use."""
        if self._reader is None:
            self._reader = self._open_reader(self.name)
        return self._reader

    def read(self, limit: int = BATCH) -> list[Delivery]:
        """Read the next events."""
        return list(self.reader.read(checkpoints.offsets_of(self.cached), limit))

    def process(self, delivered: list[Delivery]) -> None:
        """Fold events in one transaction. After an error the checkpoints must be opened again."""
        if not delivered:
            return
        started = monotonic()
        try:
            with self._deadline():
                batch_processor.process_batch(self.target, self.cached, delivered)
        except Exception:
            self.cached = {}  # the checkpoints in memory may be wrong
            metrics.PROJECTION_FAILURES.labels(self.name).inc()
            raise
        metrics.PROJECTION_EVENTS.labels(self.name).inc(len(delivered))
        metrics.PROJECTION_SECONDS.labels(self.name).observe(monotonic() - started)

    def concerns(self, delivered: Iterable[Delivery]) -> bool:
        """Whether any of these may change rows, or be set aside; if not, only the checkpoints advance."""
        handlers = self.target.projection.handlers
        try:
            return any(
                isinstance(item, UnreadableDelivery) or item.event_class(registry) in handlers for item in delivered
            )
        except EventShopError:  # a newer release's event waits for it
            return True

    def moves_past(self, delivered: Iterable[Delivery]) -> list[tuple[Checkpoint, CheckpointMove]]:
        """How the checkpoints move past events that do not concern this projection."""
        counts, offsets = Counter[int](), checkpoints.offsets_of(self.cached)
        for item in delivered:
            counts[item.partition] += 1
            offsets[item.partition] = offsets[item.partition].after(item)
        return [(self.cached[number], CheckpointMove(offsets[number], count, 0)) for number, count in counts.items()]

    def note_moved(self, moves: Iterable[tuple[Checkpoint, CheckpointMove]]) -> None:
        """Remember the checkpoints that the database has advanced."""
        for row, move in moves:
            checkpoints.move_to(row, move.offset)
            metrics.PROJECTION_EVENTS.labels(self.name).inc(move.events)

    def is_at_end(self) -> bool:
        """Whether all events of the log are folded."""
        return self.reader.is_at_end(checkpoints.offsets_of(self.cached))

    def open_checkpoints(self, stop: Signal) -> CheckpointsByPartition:
        """The checkpoints in the database that can be advanced. Rows of an older version are rebuilt first."""
        rows = self._load_checkpoints()
        if self.needs_rebuild(rows):
            self.rebuild(stop)
            rows = self._load_checkpoints()
        return self.usable(rows)

    def needs_rebuild(self, rows: CheckpointsByPartition) -> bool:
        """Whether rows are of an older version. Raises `ProjectionError` for rows of a newer version."""
        version = self.target.projection.version
        newest = max(row.version for row in rows.values())
        if newest > version:
            raise ProjectionError(
                f"{self.name}: its rows are of version {newest}, this program's is {version}; to go back, rebuild it"
            )
        return any(row.version < version for row in rows.values())

    def usable(self, rows: CheckpointsByPartition) -> CheckpointsByPartition:
        """The checkpoints that are neither paused nor of another version."""
        version = self.target.projection.version
        return {number: row for number, row in rows.items() if row.version == version and not row.paused}

    def rebuild(self, stop: Signal) -> None:
        """Rebuild the rows for the program's version."""
        log.warning("%s: its rows are of an older version; rebuilding", self.name)
        projection = self.target.projection
        reason = f"version {projection.version}"
        rebuild(projection, self.source, requested_by="engine", reason=reason, stopping=stop)

    def _load_checkpoints(self) -> CheckpointsByPartition:
        return checkpoints.open_checkpoints(self.name, self.source.partitions, self.target.projection.version)

    def close(self) -> None:
        """Release the reader and forget the checkpoints."""
        reader, self._reader = self._reader, None
        self.cached = {}
        if reader is not None:
            reader.close()


class ProjectionRunner:
    """Runs some projections in the calling thread until they have caught up. For `--once`, importers and tests.

    It takes no leases: the checkpoints keep it and a worker from folding an event twice. A `watchdog` ends the process
    when a batch hangs.
    """

    def __init__(
        self,
        projections: Iterable[Projection[Any]],
        source: EventLog,
        *,
        watchdog: Watchdog | None = None,
        hanging_s: float = HANGING_S,
    ) -> None:
        self.source = source
        self.targets = [live_target(projection) for projection in projections]
        deadline = batch_deadline(watchdog, hanging_s)
        self._runners = {target.name: TargetRunner(target, source, deadline) for target in self.targets}

    def run_batch(self, target: ProjectionTarget, limit: int = BATCH) -> int:
        """Fold the next events of one projection; returns how many there were."""
        runner = self._runners[target.name]
        if not runner.cached:
            runner.cached = runner.open_checkpoints(Signal())
        delivered = runner.read(limit)
        runner.process(delivered)
        return len(delivered)

    def catch_up(
        self, on_progress: Callable[[str, int], None] = lambda name, events: None, timeout_s: float = 30
    ) -> int:
        """Fold all events there are; returns how many."""
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
                if not folded and self._runners[target.name].is_at_end():
                    behind.remove(target)
        self._report_offsets()
        return events

    def close(self) -> None:
        for runner in self._runners.values():
            runner.close()

    def _report_offsets(self) -> None:
        """Only tools read them: it is worth some attempts, and no failure."""
        offsets = {name: checkpoints.offsets_of(runner.cached) for name, runner in self._runners.items()}
        for failures in range(1, REPORT_ATTEMPTS + 1):
            try:
                return self.source.report_offsets({name: each for name, each in offsets.items() if each})
            except EventShopError as error:
                log.info("the offsets were not reported, attempt %s: %s", failures, error)
                sleep(WORKER_BACKOFF.delay_s(failures))
