"""Rebuilding a read model beside the live one, and swapping it in without anybody noticing.

The new rows grow in a table next to the live one, with a checkpoint of their own, while the live rows keep being read
and updated. When both are equally far, one transaction removes, adds and changes exactly the rows that differ. A
rebuild that was killed goes on where it was.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Event as Signal
from threading import get_ident
from time import monotonic, sleep
from typing import Any, Final, NamedTuple

from django.db import connection, transaction
from django.utils import timezone

from eventshop.core.deterministic_ids import process_name
from eventshop.core.errors import CheckpointMoved, ProjectionError, TailBusy
from eventshop.messaging.event_log import EventLog, LogReader
from eventshop.projections import batch_processor, checkpoints
from eventshop.projections.checkpoints import CheckpointsByPartition
from eventshop.projections.dead_letters import ProjectionTarget, live_target
from eventshop.projections.models import Checkpoint, DeadLetter, Rebuild, Replay
from eventshop.projections.projection import Projection, projection_registry
from eventshop.projections.read_model_table import TRANSIENT_ERRORS, ReadModelTable
from eventshop.projections.rebuild_swap import create_like, replace_dead_letters, replace_rows

#: Events folded in one transaction; nobody waits for these rows, so larger than the live batch.
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
    """Ask for a rebuild; a worker starts it. Asking again while one waits or runs gives that one.

    `foreseen`: what a dry run said that it would change; its numbers stay with the record.
    """
    projection_registry.get(name)
    waiting = Rebuild.objects.filter(projection=name, state__in=[Rebuild.State.REQUESTED, Rebuild.State.RUNNING])
    return waiting.first() or Rebuild.objects.create(
        projection=name,
        requested_by=requested_by,
        reason=reason,
        requested_at=timezone.now(),
        **_numbers(dry_run),
    )


def _numbers(foreseen: Replay | None) -> dict[str, Any]:
    names = {"at": "finished_at"} | {name: name for name in ("added", "changed", "removed", "failed")}
    return {f"foreseen_{name}": getattr(foreseen, said) for name, said in names.items()} if foreseen else {}


def pending_rebuilds() -> list[Rebuild]:
    """The rebuilds nobody works on: asked for, or left by a worker that died."""
    open_ones = Rebuild.objects.filter(state__in=[Rebuild.State.REQUESTED, Rebuild.State.RUNNING]).order_by("pk")
    worked_on = set(
        Checkpoint.objects.filter(projection__endswith=":rebuild", leased_until__gt=timezone.now()).values_list(
            "projection", flat=True
        )
    )
    return [job for job in open_ones if f"{job.projection}:rebuild" not in worked_on]


def rebuild(
    projection: Projection[Any],
    source: EventLog,
    *,
    requested_by: str,
    reason: str = "",
    on_progress: ProgressCallback = lambda progress: None,
    stopping: Signal | None = None,
) -> Rebuild:
    """Fold all events anew and swap the rows in.

    Told to stop, it leaves what it has for the next to go on with. Raises `CheckpointMoved` when another process
    rebuilds this projection already, `ProjectionError` when events fail that did not fail before: the live rows are
    kept.
    """
    job = request_rebuild(projection.name, requested_by=requested_by, reason=reason)
    site = rebuild_target(projection)
    owner = f"{process_name()}/rebuild/{get_ident()}"
    seen = checkpoints.open_checkpoints(site.name, source.partitions, projection.version)
    if len(checkpoints.acquire_leases(seen.values(), owner)) < len(seen):
        checkpoints.release_leases(owner)
        raise CheckpointMoved("another process rebuilds this projection already", projection=projection.name)
    reader = source.open_reader(site.name)
    try:
        seen = _prepared(job, site, seen, source, owner)
        _Run(job, site, seen, source, reader, owner).fold(on_progress, stopping or Signal())
    except (CheckpointMoved, *TRANSIENT_ERRORS):
        raise  # the rows are not to blame: whoever looks next goes on
    except Exception as error:
        mark_failed(job, error)
        raise
    finally:
        reader.close()
        checkpoints.release_leases(owner)
    return Rebuild.objects.get(pk=job.pk)


def mark_failed(job: Rebuild, error: Exception) -> None:
    """Record that this rebuild will never be done."""
    Rebuild.objects.filter(pk=job.pk).update(
        state=Rebuild.State.FAILED, error=f"{type(error).__name__}: {error}", finished_at=timezone.now()
    )


def rebuild_target(projection: Projection[Any]) -> ProjectionTarget:
    """Where a rebuild puts its rows and parked events."""
    name = f"{projection.model._meta.db_table}__rebuild"
    return ProjectionTarget(projection, f"{projection.name}:rebuild", ReadModelTable(projection.model, name))


def _prepared(
    job: Rebuild, site: ProjectionTarget, seen: CheckpointsByPartition, source: EventLog, owner: str
) -> CheckpointsByPartition:
    """Go on with rows that a killed rebuild of the same version left, or begin with none."""
    version = site.projection.version
    resumable = job.state == Rebuild.State.RUNNING and all(row.version == version for row in seen.values())
    if not (resumable and site.table.name in connection.introspection.table_names()):
        with transaction.atomic():
            _discard(site)
            create_like(site.table.name, site.projection.model)
            seen = checkpoints.open_checkpoints(site.name, source.partitions, version)
        checkpoints.acquire_leases(seen.values(), owner)
    Rebuild.objects.filter(pk=job.pk).update(
        state=Rebuild.State.RUNNING, started_at=job.started_at or timezone.now(), error=""
    )
    return seen


class _Run:
    """One process's work on one rebuild."""

    def __init__(
        self,
        job: Rebuild,
        site: ProjectionTarget,
        seen: CheckpointsByPartition,
        source: EventLog,
        reader: LogReader,
        owner: str,
    ) -> None:
        self.job = job
        self.site = site
        self.seen = seen
        self.source = source
        self.reader = reader
        self.owner = owner
        self.head = 0
        self._renew_at = 0.0

    def fold(self, told: ProgressCallback, stopping: Signal) -> None:
        """Fold until the rows are swapped in, or until told to stop."""
        started, events = monotonic(), 0
        while not stopping.is_set():
            self._renew()
            try:
                delivered = self.reader.read(checkpoints.offsets_of(self.seen), BATCH)
            except TailBusy:
                sleep(0.02)
                continue
            if delivered:
                batch_processor.process_batch(self.site, self.seen, delivered)
                events += len(delivered)
                position = self._position()
                told(RebuildProgress(position, max(self.head, position), events, monotonic() - started))
            elif self.reader.is_at_end(checkpoints.offsets_of(self.seen)) and self._swapped():
                return

    def _renew(self) -> None:
        if monotonic() >= self._renew_at:
            self._renew_at = monotonic() + checkpoints.LEASE.total_seconds() / 3
            checkpoints.acquire_leases(self.seen.values(), self.owner)
            self.head = sum(self.source.end_offsets().values())
            Rebuild.objects.filter(pk=self.job.pk).update(position=self._position(), head=self.head)

    def _position(self) -> int:
        return sum(row.position for row in self.seen.values())

    def _swapped(self) -> bool:
        """Bring the new rows as far as the live ones and swap; False when there is more to fold first."""
        projection = self.site.projection
        with transaction.atomic():
            # The live rows stand still while we hold their checkpoints.
            old = checkpoints.lock_checkpoints(
                checkpoints.open_checkpoints(projection.name, self.source.partitions, projection.version)
            )
            if not self._caught_up(old):
                return False
            new = checkpoints.open_checkpoints(self.site.name, self.source.partitions, projection.version)
            self._refuse_new_failures(old, new)
            difference = replace_rows(live_target(projection).table, self.site.table)
            for number, row in new.items():
                Checkpoint.objects.filter(pk=old[number].pk).update(
                    position=row.position,
                    sequence=row.sequence,
                    store_position=row.store_position,
                    version=projection.version,
                    parked=row.parked,
                    events=row.events,
                )
            replace_dead_letters(projection.name, self.site.name)
            _discard(self.site)
            Rebuild.objects.filter(pk=self.job.pk).update(
                state=Rebuild.State.DONE,
                position=self._position(),
                head=self._position(),
                finished_at=timezone.now(),
                **difference,
            )
        return True

    def _caught_up(self, old: CheckpointsByPartition) -> bool:
        """Fold what the live rows already have; it has been read before, so no fence is needed."""
        if any(row.position > self.seen[number].position for number, row in old.items()):
            missing = self.reader.read(checkpoints.offsets_of(self.seen), BATCH, up_to=checkpoints.offsets_of(old))
            if missing:
                batch_processor.process_batch(self.site, self.seen, missing)
        return all(row.position <= self.seen[number].position for number, row in old.items())

    def _refuse_new_failures(self, old: CheckpointsByPartition, new: CheckpointsByPartition) -> None:
        before, after = (sum(row.parked for row in rows.values()) for rows in (old, new))
        if after > before:
            failed = DeadLetter.objects.filter(projection=self.site.name, attempts__gt=0).order_by("position")
            first = failed[0]
            raise ProjectionError(
                f"{after} events cannot be folded (live: {before}); the live rows were kept. "
                f"The first: {first.event_type} {first.event_id}, {first.error}",
                projection=self.site.projection.name,
            )


def _discard(site: ProjectionTarget) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f'DROP TABLE IF EXISTS "{site.table.name}"')
    DeadLetter.objects.filter(projection=site.name).delete()
    Checkpoint.objects.filter(projection=site.name).delete()
