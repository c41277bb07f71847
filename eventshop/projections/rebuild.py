"""Rebuild a read model in a second table and swap it in, while the live rows are read and updated.

The new rows are folded into their own table with their own checkpoints. When both tables have processed the same
events, one transaction deletes, inserts and updates exactly the live rows that differ. A rebuild that was killed is
resumed from its checkpoints.
"""

from __future__ import annotations

from threading import Event as Signal
from threading import get_ident
from typing import Any

from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils import timezone

from eventshop.core.errors import CheckpointMoved, ProjectionError
from eventshop.messaging.event_log import EventLog
from eventshop.projections import checkpoints, kept_rows, rebuild_controls
from eventshop.projections.checkpoints import CheckpointsByPartition
from eventshop.projections.models import Checkpoint, Rebuild, Replay
from eventshop.projections.projection import Projection, projection_registry
from eventshop.projections.rebuild_run import ProgressCallback, RebuildRun
from eventshop.projections.rebuild_swap import create_like
from eventshop.projections.targets import (
    REBUILD_SUFFIX,
    ProjectionTarget,
    corrections_of,
    discard,
    rebuild_target,
    skipped_event_ids,
)
from eventshop.runtime.backoff import TRANSIENT_ERRORS
from eventshop.runtime.leases import is_unleased
from eventshop.runtime.process_name import process_name


def request_rebuild(
    name: str,
    *,
    requested_by: str,
    reason: str,
    dry_run: Replay | None = None,
    by_hand: bool = False,
    events_per_s: int | None = None,
    up_to: int | None = None,
) -> Rebuild:
    """Request a rebuild, which a worker starts. Returns the open request if there is one already.

    `dry_run`: the numbers of this dry run are stored with the request, as what is expected to change. `by_hand`: it
    waits with its comparison until an operator switches. `events_per_s` limits its pace. `up_to`: a reset, see
    `reset_projection`.
    """
    projection_registry.get(name)
    return open_rebuilds().filter(projection=name).first() or Rebuild.objects.create(
        projection=name,
        requested_by=requested_by,
        reason=reason,
        requested_at=timezone.now(),
        by_hand=by_hand,
        events_per_s=events_per_s,
        up_to=up_to,
        **_expected_numbers(dry_run),
    )


def _expected_numbers(dry_run: Replay | None) -> dict[str, Any]:
    names = {"at": "finished_at"} | {name: name for name in ("added", "changed", "removed", "failed")}
    return {f"foreseen_{name}": getattr(dry_run, field) for name, field in names.items()} if dry_run else {}


def open_rebuilds() -> QuerySet[Rebuild]:
    """The rebuilds that have not ended: requested, running, or waiting for an operator."""
    return Rebuild.objects.filter(state__in=Rebuild.OPEN)


def refuse_during_rebuild(name: str) -> None:
    """Raises `ProjectionError` for what a rebuild reads at its start, and would undo."""
    if open_rebuilds().filter(projection=name).exists():
        raise ProjectionError(f"{name} is being rebuilt: wait until that has ended", projection=name)


def pending_rebuilds() -> list[Rebuild]:
    """The rebuilds that no worker runs: requested ones, and those of a worker that died."""
    rebuilding = Checkpoint.objects.filter(projection__endswith=REBUILD_SUFFIX).exclude(is_unleased())
    leased = set(rebuilding.values_list("projection", flat=True))
    jobs = Rebuild.objects.filter(state__in=Rebuild.RUNNABLE).order_by("pk")
    return [job for job in jobs if f"{job.projection}{REBUILD_SUFFIX}" not in leased]


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

    When `stopping` is set, or an operator pauses the rebuild, it returns and leaves its rows for the next worker to
    resume; a rebuild that waits for an operator is returned as it is. Raises `CheckpointMoved` when
    another process is rebuilding this projection, and `ProjectionError` when events fail that did not fail before: the
    live rows are kept then.
    """
    job = request_rebuild(projection.name, requested_by=requested_by, reason=reason)
    if job.state not in Rebuild.RUNNABLE:
        return job
    target = rebuild_target(projection)
    owner = f"{process_name()}/rebuild/{get_ident()}"
    cached = checkpoints.open_checkpoints(target.name, source.partitions, projection.version)
    if len(checkpoints.acquire_leases(cached.values(), owner)) < len(cached):
        checkpoints.release_leases(owner)
        raise CheckpointMoved("another process is rebuilding this projection already", projection=projection.name)
    reader = source.open_reader(target.name)
    try:
        cached = _prepare(job, target, cached, source, owner)
        target = target._replace(skipped=skipped_event_ids(projection), corrections=corrections_of(projection.name))
        RebuildRun(job, target, cached, source, reader, owner).run(on_progress, stopping or Signal())
    except (CheckpointMoved, *TRANSIENT_ERRORS):
        raise  # not an error of the rows: another worker resumes the rebuild
    except Exception as error:
        mark_failed(job, error)
        raise
    finally:
        reader.close()
        checkpoints.release_leases(owner)
    job = Rebuild.objects.get(pk=job.pk)
    if job.state == Rebuild.State.CANCELLED:
        rebuild_controls.discard_cancelled(job.projection)
    return job


def mark_failed(job: Rebuild, error: Exception) -> None:
    """Record that this rebuild has failed for good."""
    Rebuild.objects.filter(pk=job.pk, state__in=Rebuild.OPEN).update(
        state=Rebuild.State.FAILED, rate=0, error=f"{type(error).__name__}: {error}", finished_at=timezone.now()
    )


def _prepare(
    job: Rebuild, target: ProjectionTarget, cached: CheckpointsByPartition, source: EventLog, owner: str
) -> CheckpointsByPartition:
    """Resume with the rows that a killed rebuild of the same version left, or start with an empty table."""
    version = target.projection.version
    is_resumable = job.state == Rebuild.State.RUNNING and all(row.version == version for row in cached.values())
    if not (is_resumable and target.table.name in connection.introspection.table_names()):
        with transaction.atomic():
            discard(target)
            if job.undoes is not None:
                kept_rows.use(target, job.undoes)
            else:
                for table in target.tables:
                    create_like(table)
            cached = checkpoints.open_checkpoints(target.name, source.partitions, version)
        checkpoints.acquire_leases(cached.values(), owner)
    Rebuild.objects.filter(pk=job.pk, state__in=Rebuild.RUNNABLE).update(
        state=Rebuild.State.RUNNING, started_at=job.started_at or timezone.now(), error=""
    )
    return cached
