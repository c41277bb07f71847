"""Rebuild a read model in a second table and swap it in, while the live rows are read and updated.

The new rows are folded into their own table with their own checkpoints. When both tables have processed the same
events, one transaction deletes, inserts and updates exactly the live rows that differ. A rebuild that was killed is
resumed from its checkpoints.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from threading import Event as Signal
from threading import get_ident
from time import monotonic, sleep
from typing import Any, Final, NamedTuple
from uuid import UUID

from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils import timezone

from eventshop.core.errors import CheckpointMoved, ProjectionError, TailBusy
from eventshop.messaging.event_log import EventLog, LogOffset, LogReader
from eventshop.projections import batch_processor, checkpoints
from eventshop.projections.checkpoints import CheckpointsByPartition
from eventshop.projections.models import Checkpoint, DeadLetter, Rebuild, Replay, SkippedEvent
from eventshop.projections.projection import Projection, projection_registry
from eventshop.projections.rebuild_swap import compare_rows, create_like, replace_dead_letters, replace_rows
from eventshop.projections.targets import (
    REBUILD_SUFFIX,
    ProjectionTarget,
    live_target,
    rebuild_target,
    skipped_event_ids,
)
from eventshop.runtime.backoff import TRANSIENT_ERRORS
from eventshop.runtime.leases import is_unleased
from eventshop.runtime.process_name import process_name

#: Events folded in one transaction. No reader waits for these rows, so it is larger than the live batch.
BATCH: Final = 2_000


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


def request_rebuild(name: str, *, requested_by: str, reason: str, dry_run: Replay | None = None) -> Rebuild:
    """Request a rebuild, which a worker starts. Returns the open request if there is one already.

    `dry_run`: the numbers of this dry run are stored with the request, as what is expected to change.
    """
    projection_registry.get(name)
    return open_rebuilds().filter(projection=name).first() or Rebuild.objects.create(
        projection=name,
        requested_by=requested_by,
        reason=reason,
        requested_at=timezone.now(),
        **_expected_numbers(dry_run),
    )


def _expected_numbers(dry_run: Replay | None) -> dict[str, Any]:
    names = {"at": "finished_at"} | {name: name for name in ("added", "changed", "removed", "failed")}
    return {f"foreseen_{name}": getattr(dry_run, field) for name, field in names.items()} if dry_run else {}


def open_rebuilds() -> QuerySet[Rebuild]:
    """The rebuilds that were requested or are running."""
    return Rebuild.objects.filter(state__in=[Rebuild.State.REQUESTED, Rebuild.State.RUNNING])


def pending_rebuilds() -> list[Rebuild]:
    """The rebuilds that no worker runs: requested ones, and those of a worker that died."""
    rebuilding = Checkpoint.objects.filter(projection__endswith=REBUILD_SUFFIX).exclude(is_unleased())
    leased = set(rebuilding.values_list("projection", flat=True))
    return [job for job in open_rebuilds().order_by("pk") if f"{job.projection}{REBUILD_SUFFIX}" not in leased]


def rebuild(
    projection: Projection[Any],
    source: EventLog,
    *,
    requested_by: str,
    reason: str = "",
    on_progress: ProgressCallback = lambda progress: None,
    stopping: Signal | None = None,
) -> Rebuild:
    """Fold all events again and swap the rows in.

    When `stopping` is set, it returns and leaves its rows for the next worker to resume. Raises `CheckpointMoved` when
    another process is rebuilding this projection, and `ProjectionError` when events fail that did not fail before: the
    live rows are kept then.
    """
    job = request_rebuild(projection.name, requested_by=requested_by, reason=reason)
    target = rebuild_target(projection)
    owner = f"{process_name()}/rebuild/{get_ident()}"
    cached = checkpoints.open_checkpoints(target.name, source.partitions, projection.version)
    if len(checkpoints.acquire_leases(cached.values(), owner)) < len(cached):
        checkpoints.release_leases(owner)
        raise CheckpointMoved("another process is rebuilding this projection already", projection=projection.name)
    reader = source.open_reader(target.name)
    try:
        cached = _prepare(job, target, cached, source, owner)
        target = target._replace(skipped=skipped_event_ids(projection))
        _RebuildRun(job, target, cached, source, reader, owner).run(on_progress, stopping or Signal())
    except (CheckpointMoved, *TRANSIENT_ERRORS):
        raise  # not an error of the rows: another worker resumes the rebuild
    except Exception as error:
        mark_failed(job, error)
        raise
    finally:
        reader.close()
        checkpoints.release_leases(owner)
    return Rebuild.objects.get(pk=job.pk)


def mark_failed(job: Rebuild, error: Exception) -> None:
    """Record that this rebuild has failed for good."""
    Rebuild.objects.filter(pk=job.pk).update(
        state=Rebuild.State.FAILED, error=f"{type(error).__name__}: {error}", finished_at=timezone.now()
    )


def _prepare(
    job: Rebuild, target: ProjectionTarget, cached: CheckpointsByPartition, source: EventLog, owner: str
) -> CheckpointsByPartition:
    """Resume with the rows that a killed rebuild of the same version left, or start with an empty table."""
    version = target.projection.version
    is_resumable = job.state == Rebuild.State.RUNNING and all(row.version == version for row in cached.values())
    if not (is_resumable and target.table.name in connection.introspection.table_names()):
        with transaction.atomic():
            _discard(target)
            create_like(target.table.name, target.projection.model)
            cached = checkpoints.open_checkpoints(target.name, source.partitions, version)
        checkpoints.acquire_leases(cached.values(), owner)
    Rebuild.objects.filter(pk=job.pk).update(
        state=Rebuild.State.RUNNING, started_at=job.started_at or timezone.now(), error=""
    )
    return cached


class _RebuildRun:
    """One process's work on one rebuild."""

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
        self._renew_at = 0.0

    def run(self, on_progress: ProgressCallback, stopping: Signal) -> None:
        """Fold until the rows are swapped in or `stopping` is set."""
        started, events = monotonic(), 0
        while not stopping.is_set():
            self._renew_leases()
            try:
                delivered = self.reader.read(checkpoints.offsets_of(self.known), BATCH)
            except TailBusy:
                sleep(0.02)
                continue
            if delivered:
                batch_processor.process_batch(self.target, self.known, delivered)
                events += len(delivered)
                position, head = self._progress()
                on_progress(RebuildProgress(position, max(head, position), events, monotonic() - started))
            elif self.reader.is_at_end(checkpoints.offsets_of(self.known)) and self._try_swap():
                return

    def _renew_leases(self) -> None:
        if monotonic() >= self._renew_at:
            self._renew_at = monotonic() + checkpoints.LEASE.total_seconds() / 3
            checkpoints.acquire_leases(self.known.values(), self.owner)
            self._ends = self.source.ends()
            position, head = self._progress()
            Rebuild.objects.filter(pk=self.job.pk).update(position=position, head=head)

    def _progress(self) -> tuple[int, int]:
        """How far this rebuild is, and how far it is to the end of the log."""
        pairs = [checkpoints.offset_of(row).progress_to(self._ends[number]) for number, row in self.known.items()]
        return sum(position for position, _ in pairs), sum(head for _, head in pairs)

    def _try_swap(self) -> bool:
        """Catch up with the live rows and swap; False when there is more to fold first."""
        projection = self.target.projection
        with transaction.atomic():
            # These locks keep the live rows unchanged until the swap is committed.
            live = checkpoints.lock_checkpoints(
                checkpoints.open_checkpoints(projection.name, self.source.partitions, projection.version)
            )
            if not self._catch_up(live):
                return False
            rebuilt = checkpoints.open_checkpoints(self.target.name, self.source.partitions, projection.version)
            restored = SkippedEvent.objects.filter(projection=projection.name, restored_at__isnull=False)
            self._refuse_new_failures(set(restored.values_list("aggregate_id", flat=True)))
            difference = compare_rows(live_target(projection).table, self.target.table)
            replace_rows(live_target(projection).table, self.target.table)
            for number, row in rebuilt.items():
                Checkpoint.objects.filter(pk=live[number].pk).update(
                    position=row.position,
                    sequence=row.sequence,
                    store_position=row.store_position,
                    version=projection.version,
                    parked=row.parked,
                    events=row.events,
                )
            replace_dead_letters(projection.name, self.target.name)
            restored.delete()
            _discard(self.target)
            position, _ = self._progress()
            Rebuild.objects.filter(pk=self.job.pk).update(
                state=Rebuild.State.DONE,
                position=position,
                head=position,
                finished_at=timezone.now(),
                added=difference.added,
                changed=difference.changed,
                removed=difference.removed,
            )
        return True

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


def _discard(target: ProjectionTarget) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f'DROP TABLE IF EXISTS "{target.table.name}"')
    DeadLetter.objects.filter(projection=target.name).delete()
    Checkpoint.objects.filter(projection=target.name).delete()
