"""One process's work on one rebuild: fold, obey the operator, compare, and swap the rows in."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from threading import Event as Signal
from time import monotonic
from typing import Final, NamedTuple
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone

from eventshop.core.errors import ProjectionError, TailBusy
from eventshop.messaging.event_log import DeliveredEvent, Delivery, EventLog, LogOffset, LogReader
from eventshop.projections import batch_processor, checkpoints, kept_rows
from eventshop.projections.checkpoints import CheckpointsByPartition
from eventshop.projections.models import Checkpoint, DeadLetter, Rebuild, SkippedEvent
from eventshop.projections.rebuild_swap import (
    TableDifference,
    compare_rows,
    encode_examples,
    replace_dead_letters,
    replace_rows,
)
from eventshop.projections.targets import ProjectionTarget, discard, live_target

#: Events folded in one transaction. No reader waits for these rows, so it is larger than the live batch.
BATCH: Final = 2_000
#: How often the progress is stored and the operator's word is read.
REPORT_INTERVAL_S: Final = 1.0
#: The delay before reading again when a writer keeps the newest events undecided.
_RETRY_S: Final = 0.02


class RebuildProgress(NamedTuple):
    """How far a rebuild has come."""

    position: int
    head: int
    events: int
    seconds: float

    @property
    def eta_s(self) -> float | None:
        """Seconds to go at the pace so far; None while there is no pace."""
        return self.seconds * (self.head - self.position) / self.position if self.position and self.seconds else None


ProgressCallback = Callable[[RebuildProgress], None]


class RebuildRun:
    """Folds into the rows of a rebuild until they are swapped in, or somebody stops it."""

    def __init__(
        self,
        job: Rebuild,
        target: ProjectionTarget,
        cached: CheckpointsByPartition,
        source: EventLog,
        reader: LogReader,
        owner: str,
    ) -> None:
        self.job = job
        self.target = target
        self.known = cached
        self.source = source
        self.reader = reader
        self.owner = owner
        self._ends: Mapping[int, LogOffset] = {}
        self._renew_at = self._report_at = 0.0
        self._started = self._reported = monotonic()
        self._events = self._events_reported = 0
        self._finished: set[int] = set()  # partitions in which an event beyond `up_to` was met

    def run(self, on_progress: ProgressCallback, stopping: Signal) -> None:
        """Fold until the rows are swapped in, `stopping` is set, or the job is no longer to run."""
        while not stopping.is_set() and self._may_go_on():
            started = monotonic()
            try:
                delivered = self._read()
            except TailBusy:
                stopping.wait(_RETRY_S)
                continue
            if delivered:
                batch_processor.process_batch(self.target, self.known, delivered)
                self._events += len(delivered)
                position, head = self._progress()
                on_progress(RebuildProgress(position, max(head, position), self._events, monotonic() - self._started))
                if self.job.events_per_s:
                    stopping.wait(max(0.0, started + len(delivered) / self.job.events_per_s - monotonic()))
            elif self._is_at_end() and self._try_swap():
                return

    def _may_go_on(self) -> bool:
        """Renew the leases, store the progress, and read what the operator wants; both only now and then."""
        now = monotonic()
        if now >= self._renew_at:
            self._renew_at = now + checkpoints.LEASE.total_seconds() / 3
            checkpoints.acquire_leases(self.known.values(), self.owner)
            self._ends = self.source.ends()
        if now < self._report_at:
            return True
        self._report_at = now + REPORT_INTERVAL_S
        self._report()
        self.job = Rebuild.objects.get(pk=self.job.pk)
        return self.job.state == Rebuild.State.RUNNING

    def _report(self) -> None:
        (position, head), now, events = self._progress(), monotonic(), self._events - self._events_reported
        rate = events / max(now - self._reported, 0.001)
        self._events_reported, self._reported = self._events, now
        Rebuild.objects.filter(pk=self.job.pk).update(
            position=position, head=max(head, position), events=F("events") + events, rate=rate, moved_at=timezone.now()
        )

    def _progress(self) -> tuple[int, int]:
        """How far this rebuild is, and how far it is to the end of the log."""
        pairs = [checkpoints.offset_of(row).progress_to(self._ends[number]) for number, row in self.known.items()]
        return sum(position for position, _ in pairs), sum(head for _, head in pairs)

    def _read(self) -> list[Delivery]:
        """The next events; of a reset, only those up to its position."""
        offsets, goal = self._open_offsets(), self.job.up_to
        limit = min(BATCH, self.job.events_per_s or BATCH)
        delivered = list(self.reader.read(offsets, limit)) if offsets else []
        if goal is None:
            return delivered
        wanted = []
        for item in delivered:
            if isinstance(item, DeliveredEvent) and item.row.position > goal:
                self._finished.add(item.partition)
            elif item.partition not in self._finished:
                wanted.append(item)
        return wanted

    def _open_offsets(self) -> dict[int, LogOffset]:
        offsets = checkpoints.offsets_of(self.known)
        return {number: offset for number, offset in offsets.items() if number not in self._finished}

    def _is_at_end(self) -> bool:
        offsets = self._open_offsets()
        return not offsets or self.reader.is_at_end(offsets)

    def _try_swap(self) -> bool:
        """Catch up with the live rows, compare, and swap; False when there is more to fold first.

        A rebuild that is to be switched by hand is compared, and then waits for that without a process.
        """
        projection = self.target.projection
        with transaction.atomic():
            # These locks keep the live rows unchanged until the swap is committed.
            live = checkpoints.lock_checkpoints(
                checkpoints.open_checkpoints(projection.name, self.source.partitions, projection.version)
            )
            if self.job.up_to is None and not self._catch_up(live):
                return False
            self.job = Rebuild.objects.select_for_update().get(pk=self.job.pk)
            if self.job.state != Rebuild.State.RUNNING:
                return True
            restored = SkippedEvent.objects.filter(projection=projection.name, restored_at__isnull=False)
            if self.job.undoes_id is None:
                self._refuse_new_failures(set(restored.values_list("aggregate_id", flat=True)))
            difference = compare_rows(live_target(projection).table, self.target.table)
            if self.job.by_hand and self.job.switched_by == "":
                self._finish(Rebuild.State.READY, difference)
                return True
            self._swap(live, difference, keep=not restored.exists())
            restored.delete()
            self._finish(Rebuild.State.DONE, difference, finished_at=timezone.now())
        return True

    def _swap(self, live: CheckpointsByPartition, difference: TableDifference, *, keep: bool) -> None:
        projection = self.target.projection
        rebuilt = checkpoints.open_checkpoints(self.target.name, self.source.partitions, projection.version)
        # A switch that is undone is not kept: the rows before it are those of a rebuild, which can be run again.
        if keep and self.job.undoes_id is None and difference.rows:
            kept_rows.keep(projection, self.job, live)
        else:
            kept_rows.forget(projection)
        for old, new in zip(live_target(projection).tables, self.target.tables, strict=True):
            replace_rows(old, new)
        for number, row in rebuilt.items():
            Checkpoint.objects.filter(pk=live[number].pk).update(
                position=row.position,
                sequence=row.sequence,
                store_position=row.store_position,
                version=projection.version,
                parked=row.parked,
                events=row.events,
                advanced_at=Now(),  # what is cached of the old rows must not be shown any more
            )
        replace_dead_letters(projection.name, self.target.name)
        discard(self.target)

    def _finish(self, state: Rebuild.State, difference: TableDifference, **changes: object) -> None:
        position, _ = self._progress()
        events, self._events_reported = self._events - self._events_reported, self._events
        Rebuild.objects.filter(pk=self.job.pk).update(
            state=state,
            position=position,
            head=position,
            events=F("events") + events,
            rate=0,
            moved_at=timezone.now(),
            compared_at=timezone.now(),
            added=difference.added,
            changed=difference.changed,
            removed=difference.removed,
            examples=encode_examples(self.target.projection, difference),
            **changes,
        )

    def _catch_up(self, live: CheckpointsByPartition) -> bool:
        """Fold what the live rows have already processed; those events were read before, so no fence is needed."""
        if self._is_behind(live):
            missing = self.reader.read(checkpoints.offsets_of(self.known), BATCH, up_to=checkpoints.offsets_of(live))
            if missing:
                batch_processor.process_batch(self.target, self.known, missing)
            elif self.reader.is_at_end(checkpoints.offsets_of(self.known)):
                return True  # the live checkpoint is beyond the end of a log that has lost events: there are no others
        return not self._is_behind(live)

    def _is_behind(self, live: CheckpointsByPartition) -> bool:
        return any(checkpoints.is_behind(self.known[number], row) for number, row in live.items())

    def _refuse_new_failures(self, restored: Collection[UUID]) -> None:
        """`restored`: aggregates of events that are folded again on request; they may be dead letters again."""
        name = self.target.projection.name
        before = DeadLetter.objects.filter(projection=name).exclude(aggregate_id__in=restored).count()
        queued = DeadLetter.objects.filter(projection=self.target.name).exclude(aggregate_id__in=restored)
        after = queued.count()
        if after > before:
            first = queued.exclude(error="", waits_for="").order_by("position")[0]
            reason = first.error or f"which only a newer release can read ({first.waits_for})"
            raise ProjectionError(
                f"{after} events cannot be folded (live: {before}); the live rows were kept. "
                f"The first: {first.event_type} {first.event_id}, {reason}",
                projection=name,
            )
