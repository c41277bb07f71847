"""Replays: jobs that fold a read model as it was, or as today's code would make it, and store the result.

A worker folds (`historical_queries`); the result is stored as rows of its own for some days. A replay of a worker that
died is started again by another. Personal columns are left out, so that no personal data is stored a second time.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import islice
from threading import Event as Signal
from time import monotonic
from typing import Any, Final
from uuid import UUID

import msgspec
from django.db import connection, connections, transaction
from django.utils import timezone

from eventshop.core.errors import InvalidMessage, ProjectionError
from eventshop.eventstore.tail_reader import newest_position
from eventshop.messaging.event_log_factory import create_event_log
from eventshop.projections.historical_queries import LINEAGE, dry_run, mask_personal, rows_as_of
from eventshop.projections.models import Replay, ReplayedRow
from eventshop.projections.projection import Projection, projection_registry
from eventshop.projections.read_model import ReadModel
from eventshop.projections.row_repair import check_rows
from eventshop.runtime.leases import acquire_leases, is_unleased, release_leases, renew_leases
from eventshop.runtime.process_name import process_name

log = logging.getLogger(__name__)

#: The largest read model that a replay may fold; `read_model_as_of` takes larger ones.
MOST_ROWS: Final = 100_000
#: How long the numbers of a dry run are offered for a rebuild.
FRESH: Final = timedelta(days=1)
#: How long the lease of a dead worker stays valid; it is renewed with the progress.
LEASE: Final = timedelta(minutes=2)
_PROGRESS_INTERVAL_S: Final = 1.0
_PAGE: Final = 1_000

Row = tuple[str, dict[str, Any]]


def request_as_of(name: str, moment: datetime, *, happened: bool = False, key: str = "", requested_by: str) -> Replay:
    """Request a read model, or the row with one primary key, as it was at a moment.

    Raises `UnknownProjection`, and `InvalidMessage` for a moment without time zone or a read model with too many rows.
    """
    projection = projection_registry.get(name)
    if moment.tzinfo is None:
        raise InvalidMessage("as_of needs a time zone", as_of=moment)
    if not key and projection.model._default_manager.all()[MOST_ROWS:].exists():
        raise InvalidMessage(f"{name} has more than {MOST_ROWS:,} rows: ask for one of them, or run read_model_as_of")
    return _create(
        kind=Replay.Kind.AS_OF, projection=name, at=moment, happened=happened, key=key, requested_by=requested_by
    )


def request_dry_run(name: str, *, requested_by: str) -> Replay:
    """Request what today's code would change. Returns the open request if there is one already."""
    projection_registry.get(name)
    open_jobs = Replay.objects.filter(projection=name, kind=Replay.Kind.DRY_RUN, state__in=Replay.OPEN)
    return open_jobs.first() or _create(kind=Replay.Kind.DRY_RUN, projection=name, requested_by=requested_by)


def request_check(
    name: str, *, key: str = "", stream: UUID | None = None, repair: bool = False, requested_by: str
) -> Replay:
    """Request the comparison of one row, or of the rows that a stream changes, with their events; or their repair.

    Raises `UnknownProjection`, and `InvalidMessage` unless exactly one of key and stream is given.
    """
    projection_registry.get(name)
    if bool(key) == (stream is not None):
        raise InvalidMessage("name one row by its key, or a stream")
    kind = Replay.Kind.REPAIR if repair else Replay.Kind.CHECK
    return _create(kind=kind, projection=name, key=key, stream=stream, requested_by=requested_by)


def latest_dry_run(name: str) -> Replay | None:
    """The newest finished dry run of a projection, unless it is older than `FRESH`."""
    done = Replay.objects.filter(projection=name, kind=Replay.Kind.DRY_RUN, state=Replay.State.DONE)
    return done.filter(finished_at__gte=timezone.now() - FRESH).order_by("-finished_at").first()


def describe_differences(job: Replay) -> str:
    """The result of a dry run, a check or a repair in words."""
    if job.kind == Replay.Kind.REPAIR:
        return f"{job.added:,} rows added, {job.changed:,} changed, {job.removed:,} removed"
    if job.kind == Replay.Kind.CHECK:
        return f"{job.added:,} rows are missing, {job.changed:,} differ, {job.removed:,} are too many"
    return (
        f"{job.added:,} rows would be added, {job.changed:,} changed, {job.removed:,} removed; {job.failed:,} events "
        "would become dead letters"
    )


def pending_replays() -> list[Replay]:
    """The replays that no worker runs: requested ones, and those of a worker that died."""
    return list(Replay.objects.filter(is_unleased(), state__in=Replay.OPEN).order_by("pk"))


def cancel(job: Replay) -> None:
    """End a replay without a result; a worker that runs it hears it within a second, or before it stores the result.

    Raises `ProjectionError` for one that has ended, and for a repair that has begun: it is one transaction.
    """
    open_jobs = Replay.objects.filter(pk=job.pk, state__in=Replay.OPEN)
    cancellable = open_jobs.exclude(kind=Replay.Kind.REPAIR, state=Replay.State.RUNNING)
    if not cancellable.update(state=Replay.State.CANCELLED, finished_at=timezone.now()):
        job.refresh_from_db()
        state = job.get_state_display().lower()
        raise ProjectionError(f"replay {job.pk} of {job.projection} is {state} and cannot be cancelled", replay=job.pk)


def run_replay(job: Replay) -> Replay:
    """Run a replay unless another worker does. The error of one that fails is stored in its own row."""
    is_acquired = acquire_leases(
        Replay.objects.filter(pk=job.pk, state__in=Replay.OPEN),
        process_name(),
        LEASE,
        reentrant=False,
        state=Replay.State.RUNNING,
        started_at=timezone.now(),
        head=newest_position(),
    )
    if is_acquired:
        try:
            with _progress_recorder(job.pk) as on_progress:
                numbers, rows = _fold(job, on_progress)
            _store_result(job.pk, rows, {**numbers, "state": Replay.State.DONE})
        except _Cancelled:
            log.info("replay %s of %s was cancelled, or another worker runs it", job.pk, job.projection)
        except Exception as error:  # staff must see any error, and it must not stop other replays
            log.warning("replay of %s failed: %s", job.projection, error, exc_info=True)
            _store_result(job.pk, (), {"state": Replay.State.FAILED, "error": f"{type(error).__name__}: {error}"})
    return Replay.objects.get(pk=job.pk)


class _Cancelled(Exception):
    """Somebody has cancelled the replay, or another worker has taken it over."""


def _create(**values: Any) -> Replay:
    return Replay.objects.create(requested_at=timezone.now(), **values)


def _fold(job: Replay, on_progress: Callable[[int], None]) -> tuple[dict[str, Any], Iterable[Row]]:
    """The numbers of the result, and its rows in order."""
    projection = projection_registry.get(job.projection)
    if job.kind == Replay.Kind.AS_OF:
        moment = job.at or job.requested_at
        rows = rows_as_of(projection, moment, key=job.key or None, business=job.happened, on_progress=on_progress)
        return {"rows": len(rows)}, ((str(pk), _public_columns(projection, rows[pk])) for pk in sorted(rows, key=str))
    source = create_event_log()
    if job.kind == Replay.Kind.DRY_RUN:
        result = dry_run(projection, on_progress=on_progress, one_partition=len(source.partitions) == 1)
    else:
        is_repair = job.kind == Replay.Kind.REPAIR
        result = check_rows(
            projection, source, key=job.key, stream=job.stream, repair=is_repair, on_progress=on_progress
        )
    names = ("events", "rows", "added", "changed", "removed", "failed")
    numbers = {name: getattr(result, name) for name in names} | {"error": result.first_failure}
    return numbers, ((example.key, mask_personal(projection, example.columns)) for example in result.examples)


def _public_columns(projection: Projection[Any], row: ReadModel) -> dict[str, Any]:
    hidden = LINEAGE.union(projection.model.erasable(), projection.model.internal)
    names = [field.attname for field in projection.model._meta.concrete_fields]
    return {name: getattr(row, name) for name in names if name not in hidden}


def _store_result(replay_id: int, rows: Iterable[Row], values: dict[str, Any]) -> None:
    numbered = (
        ReplayedRow(replay_id=replay_id, number=number, key=key, columns=msgspec.json.encode(columns).decode())
        for number, (key, columns) in enumerate(rows, start=1)
    )
    with transaction.atomic():
        replay = Replay.objects.filter(pk=replay_id, state=Replay.State.RUNNING, owner=process_name())
        if not replay.select_for_update().exists():
            return  # cancelled meanwhile, or taken over by another worker
        ReplayedRow.objects.filter(replay=replay_id).delete()
        while page := list(islice(numbered, _PAGE)):
            ReplayedRow.objects.bulk_create(page)
        release_leases(replay, process_name(), keep_owner=True, finished_at=timezone.now(), **values)


@contextmanager
def _progress_recorder(replay_id: int) -> Iterator[Callable[[int], None]]:
    """A function that records the progress, on a connection of its own: a dry run reads in one transaction.

    It raises `_Cancelled` once somebody has cancelled the replay.
    """
    next_at = 0.0
    is_cancelled = Signal()

    def record(position: int) -> None:
        nonlocal next_at
        if is_cancelled.is_set():
            raise _Cancelled
        # SQLite has one writer, and a dry run's transaction is that writer.
        if monotonic() < next_at or (connection.vendor == "sqlite" and connection.in_atomic_block):
            return
        next_at = monotonic() + _PROGRESS_INTERVAL_S
        executor.submit(_record_progress, replay_id, position, is_cancelled)

    with ThreadPoolExecutor(max_workers=1) as executor:
        try:
            yield record
        finally:
            executor.submit(connections.close_all)


def _record_progress(replay_id: int, position: int, is_cancelled: Signal) -> None:
    running = Replay.objects.filter(pk=replay_id, state=Replay.State.RUNNING)
    if not renew_leases(running, process_name(), LEASE, position=position):
        is_cancelled.set()
