"""Runs projections until stopped: a few threads fold those that have new events, and no projection delays another."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from itertools import chain
from threading import Event as Signal
from time import monotonic
from typing import Any, Final, cast
from uuid import UUID

from django.conf import settings
from django.db import DatabaseError, connection, connections

from eventshop.core.errors import CheckpointMoved, ProjectionError, TailBusy
from eventshop.core.log_context import log_context
from eventshop.messaging.event_feed import EventFeed, FeedInterrupted, FeedReader
from eventshop.messaging.event_log_factory import create_event_log
from eventshop.projections import checkpoints, dead_letter_retry, dead_letters
from eventshop.projections.checkpoints import CheckpointMove, CheckpointsByPartition
from eventshop.projections.lease_keeper import LeaseKeeper
from eventshop.projections.models import Checkpoint
from eventshop.projections.projection import Projection
from eventshop.projections.runner import TargetRunner, batch_deadline
from eventshop.projections.targets import live_target
from eventshop.runtime.backoff import TRANSIENT_ERRORS, WORKER_BACKOFF
from eventshop.runtime.connections import release_connections
from eventshop.runtime.process_name import process_name
from eventshop.runtime.task_threads import TaskThreads
from eventshop.runtime.wake_signals import Channel, Waiter
from eventshop.runtime.watchdog import Watchdog
from eventshop.runtime.worker_loop import run_rounds

log = logging.getLogger(__name__)

#: How often leases are renewed and due retries looked for.
RENEW_INTERVAL_S: Final = 4.0
#: How long a projection is suspended that cannot go on: not rebuilt for its new version, or without its table.
SUSPEND_S: Final = 60.0
#: Events that are looked at to find the projections that they do not concern; more are a batch of each projection.
PASSED_TOGETHER: Final = 50
#: The delay before a batch that another worker has processed, or that must wait for a writer, is tried again.
_RETRY_S: Final = 0.02


class _Hosted:
    """A projection in this worker: its runner, what it may read, and whether a thread works on it."""

    def __init__(self, runner: TargetRunner) -> None:
        self.runner = runner
        self.leased: CheckpointsByPartition = {}  # the partitions to read, with their checkpoints in the database
        self.is_busy = False
        self.is_rebuilding = False
        self.due: list[UUID] = []  # aggregates whose dead letters are due for a retry
        self.must_read = True  # the last batch was not processed, or there was none yet
        self.failures = 0
        self.suspended_until = 0.0

    @property
    def reader(self) -> FeedReader:
        return cast(FeedReader, self.runner.reader)

    def is_ready(self, now: float) -> bool:
        """Whether there is something to fold, and nothing against it."""
        if self.is_busy or not self.leased or now < self.suspended_until:
            return False
        return self.must_read or bool(self.due) or self.reader.has_events()

    def is_passed(self) -> bool:
        """Whether all that waits in memory does not concern this projection."""
        if self.must_read or self.due:
            return False
        unread = self.reader.peek(PASSED_TOGETHER)
        return unread is not None and len(unread) > 0 and not self.runner.concerns(unread)

    def use_leases(self) -> None:
        """Go on from the offsets in memory in partitions that are kept, from those in the database in others."""
        cached = self.runner.cached
        self.runner.cached = {number: cached.get(number, row) for number, row in self.leased.items()}


class ProjectionWorker:
    """Runs projections in a few threads; on SQLite, which has one writer, in one.

    `owner` names the worker that leases their partitions. Any number of workers may run the same projections.
    """

    def __init__(
        self,
        projections: Iterable[Projection[Any]],
        feed: EventFeed,
        *,
        owner: str,
        threads: int = 1,
        watchdog: Watchdog | None = None,
    ) -> None:
        self.feed = feed
        self._threads = threads
        self._waiter = Waiter()
        deadline = batch_deadline(watchdog)
        open_reader = partial(feed.open_reader, on_events=self._look)
        self._hosted = {
            projection.name: _Hosted(TargetRunner(live_target(projection), feed.source, deadline, open_reader))
            for projection in projections
        }
        self._keeper = LeaseKeeper(owner, list(self._hosted))
        self._renew_at = 0.0
        self._stop = Signal()

    def run(self, stop: Signal) -> None:
        """Fold until stopped; batches in progress are finished and the leases released."""
        self._stop, self._waiter = stop, Waiter(Channel.REBUILDS)
        with (
            TaskThreads(self._threads, "projection") as pool,
            TaskThreads(1, "projection-rebuild") as rebuilds,
        ):
            run_rounds("projections", lambda failures: self._run_round(pool, rebuilds), stop)
        for hosted in self._hosted.values():
            with suppress(Exception):  # the process ends; a broken connection must not keep the leases
                hosted.runner.close()
        try:
            self._keeper.release()
        except DatabaseError as error:
            log.warning("leases were not released and will expire: %s", error)
        self._waiter.close()
        connections.close_all()

    def _look(self) -> None:
        """Make the coordinating thread look for projections that have something to fold."""
        self._waiter.notify()

    def _run_round(self, pool: TaskThreads, rebuilds: TaskThreads) -> None:
        if monotonic() >= self._renew_at:
            self._renew_at = monotonic() + RENEW_INTERVAL_S
            try:
                self._renew_leases(rebuilds)
                self._find_due_retries()
            except Exception:
                self._renew_at = 0.0
                raise
            release_connections()
        now = monotonic()
        ready = [hosted for hosted in self._hosted.values() if hosted.is_ready(now)]
        passed = [hosted for hosted in ready if hosted.is_passed()]
        for hosted in ready:
            hosted.use_leases()
            hosted.is_busy = True
            if hosted not in passed:
                pool.submit(partial(self._fold, hosted))
        if passed:
            pool.submit(partial(self._pass, passed))
        self._waiter.wait(max(0.0, self._renew_at - monotonic()))

    # --- in the threads of the pool ---------------------------------------------------------------------------------

    def _fold(self, hosted: _Hosted) -> None:
        try:
            with log_context(projection=hosted.runner.name):
                self._retry_dead_letters(hosted)
                self._run_batch(hosted)
        except Exception as error:
            self._back_off(hosted, error)
        finally:
            self._end_task([hosted])

    def _pass(self, passed: Sequence[_Hosted]) -> None:
        """Advance the checkpoints of projections that the next events do not concern, in one statement for all."""
        moves: dict[str, list[tuple[Checkpoint, CheckpointMove]]] = {}
        try:
            for hosted in passed:
                delivered = hosted.runner.read(PASSED_TOGETHER)
                if not hosted.runner.concerns(delivered):
                    moves[hosted.runner.name] = hosted.runner.moves_past(delivered)
            advanced = checkpoints.advance_unmoved(chain.from_iterable(moves.values()))
            for hosted in passed:
                mine = moves.get(hosted.runner.name, [])
                if mine and all(row.pk in advanced for row, _ in mine):
                    hosted.runner.note_moved(mine)
                    hosted.reader.acknowledge()
                else:
                    hosted.must_read = True  # by itself: it may wait for a lock, and names what has moved
        except Exception as error:
            for hosted in passed:
                self._back_off(hosted, error)
        finally:
            self._end_task(passed)

    def _end_task(self, done: Iterable[_Hosted]) -> None:
        release_connections()
        for hosted in done:
            hosted.is_busy = False
        self._look()

    def _run_batch(self, hosted: _Hosted) -> None:
        hosted.must_read = True
        delivered = hosted.runner.read()
        hosted.runner.process(delivered)
        hosted.reader.acknowledge()
        hosted.must_read, hosted.failures = False, 0

    def _retry_dead_letters(self, hosted: _Hosted) -> None:
        due, hosted.due = hosted.due, []
        for aggregate_id in due:
            result = dead_letter_retry.retry_queue(hosted.runner.target, aggregate_id)
            log.info("%s: %s dead letters folded, %s remain", hosted.runner.name, result.folded, result.remaining)

    def _back_off(self, hosted: _Hosted, error: Exception) -> None:
        """Try again after a while, from the checkpoints in the database."""
        name, wait_s = hosted.runner.name, _RETRY_S
        if isinstance(error, TailBusy | CheckpointMoved | FeedInterrupted):
            log.info("%s: %s", name, error)
        elif isinstance(error, TRANSIENT_ERRORS):
            hosted.failures += 1
            wait_s = WORKER_BACKOFF.delay_s(hosted.failures)
            log.warning("%s: trying again in %.1f s: %s", name, wait_s, error)
            connections.close_all()
        else:
            wait_s = SUSPEND_S
            log.warning("%s is suspended for %.0f s: %s", name, wait_s, error, exc_info=error)
        hosted.runner.cached, hosted.leased = {}, {}
        hosted.suspended_until = monotonic() + wait_s
        self._renew_at = min(self._renew_at, hosted.suspended_until)

    def _rebuild(self, hosted: _Hosted) -> None:
        """In a thread of its own, because it may take long."""
        try:
            hosted.runner.rebuild(self._stop)
        except Exception as error:
            self._back_off(hosted, error)
        finally:
            connections.close_all()
            hosted.is_rebuilding = False
            self._renew_at = 0.0
            self._look()

    # --- leases and retries -----------------------------------------------------------------------------------------

    def _renew_leases(self, rebuilds: TaskThreads) -> None:
        loaded = self._keeper.load_checkpoints()
        for name, hosted in self._hosted.items():
            if len(loaded[name]) < len(self.feed.partitions):
                version = hosted.runner.target.projection.version
                checkpoints.open_checkpoints(name, self.feed.partitions, version)
                self._renew_at = 0.0  # they have a lease from the next round on
        usable = {name: self._usable(hosted, loaded[name], rebuilds) for name, hosted in self._hosted.items()}
        for name, numbers in self._keeper.renew(loaded, usable).items():
            hosted = self._hosted[name]
            hosted.leased = {number: usable[name][number] for number in sorted(numbers)}
            hosted.must_read |= numbers != hosted.runner.cached.keys()
            if not (numbers or hosted.is_busy):
                hosted.runner.close()  # the feed need not read for it

    def _usable(self, hosted: _Hosted, rows: CheckpointsByPartition, rebuilds: TaskThreads) -> CheckpointsByPartition:
        """The checkpoints to lease now: none while the projection is rebuilt or suspended."""
        if hosted.is_rebuilding or not rows or monotonic() < hosted.suspended_until:
            return {}
        try:
            if hosted.runner.needs_rebuild(rows):
                hosted.is_rebuilding = True
                rebuilds.submit(partial(self._rebuild, hosted))
                return {}
        except ProjectionError as error:
            self._back_off(hosted, error)
            return {}
        return hosted.runner.usable(rows)

    def _find_due_retries(self) -> None:
        for hosted in self._hosted.values():
            hosted.due = []
        for name, aggregate_id in dead_letters.due_retries([name for name, row in self._hosted.items() if row.leased]):
            self._hosted[name].due.append(aggregate_id)


def worker_threads(projections: Iterable[Projection[Any]]) -> Iterator[tuple[str, Callable[[Signal], None]]]:
    """Name and target of each thread that a process needs to run projections until it is stopped."""
    feed = EventFeed(create_event_log())
    yield "event-feed", feed.run
    threads = 1 if connection.vendor == "sqlite" else settings.PROJECTION_THREADS
    worker = ProjectionWorker(projections, feed, owner=process_name(), threads=threads, watchdog=Watchdog())
    yield "projections", worker.run
