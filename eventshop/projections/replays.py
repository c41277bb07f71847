"""Read models that staff want to look at as they were, or as today's code would make them: jobs, and their results.

A worker folds (`past.py`), and the result is rows of its own, kept for a week. What a worker that died had begun is
begun again by another. Personal columns are left out: nothing of a person is stored a second time.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import islice
from time import monotonic
from typing import Any, Final

import msgspec
from django.db import connection, connections, transaction
from django.db.models import Q
from django.utils import timezone

from eventshop.core.deterministic_ids import process_name
from eventshop.core.errors import InvalidMessage
from eventshop.eventstore.tail_reader import newest_position
from eventshop.messaging.event_log_factory import create_event_log
from eventshop.projections.historical_queries import LINEAGE, dry_run, rows_as_of
from eventshop.projections.models import Replay, ReplayedRow
from eventshop.projections.projection import Projection, projection_registry
from eventshop.projections.read_model import ReadModel

log = logging.getLogger(__name__)

#: More rows than this are no page to look at: they are for `read_model_as_of`.
MOST_ROWS: Final = 100_000
#: How long results are kept, and how long a dry run says what a rebuild would change.
KEPT: Final = timedelta(days=7)
FRESH: Final = timedelta(days=1)
#: How long nobody else takes over from a worker that may have died; renewed with the progress.
LEASE: Final = timedelta(minutes=2)
_TELL_EVERY_S: Final = 1.0
_PAGE: Final = 1_000
_PERSONAL: Final = "(personal)"

Row = tuple[str, dict[str, Any]]


def request_as_of(name: str, moment: datetime, *, happened: bool = False, key: str = "", requested_by: str) -> Replay:
    """Ask for a read model, or the row with one primary key, as it was at a moment.

    Raises `UnknownProjection`, and `InvalidMessage` for a moment without time zone or a read model with too many rows.
    """
    projection = projection_registry.get(name)
    if moment.tzinfo is None:
        raise InvalidMessage("as_of needs a time zone", as_of=moment)
    if not key and projection.model._default_manager.all()[MOST_ROWS:].exists():
        raise InvalidMessage(f"{name} has more than {MOST_ROWS:,} rows: ask for one of them, or run read_model_as_of")
    return _asked(
        kind=Replay.Kind.AS_OF, projection=name, at=moment, happened=happened, key=key, requested_by=requested_by
    )


def request_dry_run(name: str, *, requested_by: str) -> Replay:
    """Ask what today's code would change; asked again while one waits or runs, it is that one."""
    projection_registry.get(name)
    open_ones = Replay.objects.filter(projection=name, kind=Replay.Kind.DRY_RUN, state__in=_OPEN)
    return open_ones.first() or _asked(kind=Replay.Kind.DRY_RUN, projection=name, requested_by=requested_by)


def latest_dry_run(name: str) -> Replay | None:
    """The newest dry run of a projection that is done and not too old to be believed."""
    done = Replay.objects.filter(projection=name, kind=Replay.Kind.DRY_RUN, state=Replay.State.DONE)
    return done.filter(finished_at__gte=timezone.now() - FRESH).order_by("-finished_at").first()


def describe_differences(job: Replay) -> str:
    """What a dry run found, in words."""
    return (
        f"{job.added:,} rows would be added, {job.changed:,} changed, {job.removed:,} removed; {job.failed:,} events "
        "set aside"
    )


def pending_replays() -> list[Replay]:
    """Those that nobody works on: asked for, or left by a worker that died."""
    return list(Replay.objects.filter(_free(), state__in=_OPEN).order_by("pk"))


def delete_expired() -> int:
    """Forget results that are older than a week; how many."""
    old = Replay.objects.filter(requested_at__lt=timezone.now() - KEPT)
    ReplayedRow.objects.filter(replay__in=old).delete()
    return old.delete()[0]


def run_replay(job: Replay) -> Replay:
    """Do one, if nobody else does. One that fails says why in its own row."""
    now = timezone.now()
    taken = Replay.objects.filter(_free(), pk=job.pk, state__in=_OPEN).update(
        state=Replay.State.RUNNING,
        started_at=now,
        head=newest_position(),
        owner=process_name(),
        leased_until=now + LEASE,
    )
    if taken:
        try:
            with _telling(job.pk) as told:
                said, rows = _folded(job, told)
            _keep(job.pk, rows, {**said, "state": Replay.State.DONE})
        except Exception as error:  # whatever it is: staff must see it, and others must get their turn
            log.warning("replay of %s: %s", job.projection, error, exc_info=True)
            _keep(job.pk, (), {"state": Replay.State.FAILED, "error": f"{type(error).__name__}: {error}"})
    return Replay.objects.get(pk=job.pk)


_OPEN: Final = (Replay.State.REQUESTED, Replay.State.RUNNING)


def _free() -> Q:
    return Q(leased_until=None) | Q(leased_until__lt=timezone.now())


def _asked(**values: Any) -> Replay:
    return Replay.objects.create(requested_at=timezone.now(), **values)


def _folded(job: Replay, told: Callable[[int], None]) -> tuple[dict[str, Any], Iterable[Row]]:
    """What came of it in numbers, and its rows in order."""
    projection = projection_registry.get(job.projection)
    if job.kind == Replay.Kind.AS_OF:
        at = job.at or job.requested_at
        found = rows_as_of(projection, at, key=job.key or None, business=job.happened, on_progress=told)
        return {"rows": len(found)}, ((str(pk), _public(projection, found[pk])) for pk in sorted(found, key=str))
    tried = dry_run(projection, on_progress=told, one_partition=len(create_event_log().partitions) == 1)
    numbers = ("events", "rows", "added", "changed", "removed", "failed")
    said = {name: getattr(tried, name) for name in numbers} | {"error": tried.first_failure}
    return said, ((it.key, _masked(projection, it.columns)) for it in tried.examples)


def _public(projection: Projection[Any], row: ReadModel) -> dict[str, Any]:
    hidden = LINEAGE.union(projection.model.personal)
    names = [field.attname for field in projection.model._meta.concrete_fields]
    return {name: getattr(row, name) for name in names if name not in hidden}


def _masked(projection: Projection[Any], columns: dict[str, tuple[Any, Any]]) -> dict[str, Any]:
    personal = projection.model.personal
    return {name: (_PERSONAL, _PERSONAL) if name in personal else pair for name, pair in columns.items()}


def _keep(replay_id: int, rows: Iterable[Row], said: dict[str, Any]) -> None:
    numbered = (
        ReplayedRow(replay_id=replay_id, number=number, key=key, columns=msgspec.json.encode(columns).decode())
        for number, (key, columns) in enumerate(rows, start=1)
    )
    with transaction.atomic():
        ReplayedRow.objects.filter(replay=replay_id).delete()
        while page := list(islice(numbered, _PAGE)):
            ReplayedRow.objects.bulk_create(page)
        Replay.objects.filter(pk=replay_id).update(finished_at=timezone.now(), leased_until=None, **said)


@contextmanager
def _telling(replay_id: int) -> Iterator[Callable[[int], None]]:
    """Gives a function that notes how far it is: on a connection of its own, for a dry run reads in one transaction."""
    next_at = 0.0

    def told(position: int) -> None:
        nonlocal next_at
        # SQLite has one writer, and that is the transaction which the dry run reads in.
        if monotonic() < next_at or (connection.vendor == "sqlite" and connection.in_atomic_block):
            return
        next_at = monotonic() + _TELL_EVERY_S
        beside.submit(_note, replay_id, position)

    with ThreadPoolExecutor(max_workers=1) as beside:
        try:
            yield told
        finally:
            beside.submit(connections.close_all)


def _note(replay_id: int, position: int) -> None:
    Replay.objects.filter(pk=replay_id).update(position=position, leased_until=timezone.now() + LEASE)
