"""Rebuilding a read model beside the live one, and swapping it in without anybody noticing.

The new rows grow in a table next to the live one, with a checkpoint of their own, while the live rows keep being read
and updated. When both are equally far, one transaction removes, adds and changes exactly the rows that differ. A
rebuild that was killed goes on where it was.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Event as Signal
from time import monotonic, sleep
from typing import Any, Final, NamedTuple

from django.db import connection, transaction
from django.utils import timezone

from eventshop.core.errors import CheckpointMoved, ProjectionError, TailBusy
from eventshop.log.base import EventLog
from projections.engine import batch, checkpoint
from projections.engine.parking import Place, live
from projections.engine.projection import Projection, catalogue
from projections.engine.table import Table
from projections.engine.tables import Checkpoint, ParkedEvent, Rebuild

#: Events folded in one transaction; nobody waits for these rows, so larger than the live batch.
BATCH: Final = 2_000


class Progress(NamedTuple):
    """How far a rebuild has come."""

    position: int
    head: int
    events: int
    seconds: float

    @property
    def eta_s(self) -> float | None:
        """Seconds to go at the pace so far; None while there is no pace."""
        return self.seconds * (self.head - self.position) / self.position if self.position and self.seconds else None


Told = Callable[[Progress], None]


def request(name: str, *, requested_by: str, reason: str) -> Rebuild:
    """Ask for a rebuild; a worker starts it. Asking again while one waits or runs gives that one."""
    catalogue.get(name)
    waiting = Rebuild.objects.filter(projection=name, state__in=[Rebuild.State.REQUESTED, Rebuild.State.RUNNING])
    return waiting.first() or Rebuild.objects.create(
        projection=name, requested_by=requested_by, reason=reason, requested_at=timezone.now()
    )


def waiting() -> list[Rebuild]:
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
    told: Told = lambda progress: None,
    stopping: Signal | None = None,
) -> Rebuild:
    """Fold all events anew and swap the rows in.

    Told to stop, it leaves what it has for the next to go on with. Raises `CheckpointMoved` when another process
    rebuilds this projection already.
    """
    job = request(projection.name, requested_by=requested_by, reason=reason)
    place = beside(projection)
    seen = checkpoint.opened(place.name, 0, projection.version)
    owner = f"{checkpoint.this_worker()}/rebuild"
    if not checkpoint.lease(seen, owner):
        raise CheckpointMoved("another process rebuilds this projection already", projection=projection.name)
    try:
        seen = _prepared(job, place, seen, owner)
        return _run(job, place, seen, source, told, owner, stopping or Signal())
    except Exception as error:
        Rebuild.objects.filter(pk=job.pk).update(
            state=Rebuild.State.FAILED, error=f"{type(error).__name__}: {error}", finished_at=timezone.now()
        )
        checkpoint.release(owner)
        raise


def beside(projection: Projection[Any]) -> Place:
    """Where a rebuild puts its rows and parked events."""
    name = f"{projection.model._meta.db_table}__rebuild"
    return Place(projection, f"{projection.name}:rebuild", Table(projection.model, name))


def _prepared(job: Rebuild, place: Place, seen: Checkpoint, owner: str) -> Checkpoint:
    """Go on with rows that a killed rebuild of the same version left, or begin with none."""
    resumable = job.state == Rebuild.State.RUNNING and seen.version == place.projection.version
    if not (resumable and place.table.name in connection.introspection.table_names()):
        with transaction.atomic():
            _discard(place)
            _create_like(place.table.name, place.projection.model._meta.db_table)
            seen = checkpoint.opened(place.name, 0, place.projection.version)
        checkpoint.lease(seen, owner)
    Rebuild.objects.filter(pk=job.pk).update(
        state=Rebuild.State.RUNNING, started_at=job.started_at or timezone.now(), error=""
    )
    return seen


def _run(
    job: Rebuild, place: Place, seen: Checkpoint, source: EventLog, told: Told, owner: str, stopping: Signal
) -> Rebuild:
    batch.relax_commits()
    started, begun_at, renew_at, head = monotonic(), seen.position, 0.0, 0
    while not stopping.is_set():
        if monotonic() >= renew_at:
            renew_at = monotonic() + checkpoint.LEASE.total_seconds() / 3
            checkpoint.lease(seen, owner)
            head = source.head(0)
            Rebuild.objects.filter(pk=job.pk).update(position=seen.position, head=head)
        try:
            delivered = source.read(0, seen.position, BATCH)
        except TailBusy:
            sleep(0.02)
            continue
        if delivered:
            seen.position = batch.project(place, seen, delivered)
            told(Progress(seen.position, max(head, seen.position), seen.position - begun_at, monotonic() - started))
        elif _swapped(job, place, seen, source):
            break
    checkpoint.release(owner)
    return Rebuild.objects.get(pk=job.pk)


def _swapped(job: Rebuild, place: Place, seen: Checkpoint, source: EventLog) -> bool:
    """Bring the new rows as far as the live ones and swap; False when there is more to fold first."""
    projection = place.projection
    with transaction.atomic():
        old = Checkpoint.objects.select_for_update().get(
            pk=checkpoint.opened(projection.name, 0, projection.version).pk
        )
        if old.position > seen.position:
            # The live rows stand still while we hold their checkpoint; what they have read needs no fence.
            missing = source.read(0, seen.position, BATCH, up_to=old.position)
            seen.position = batch.project(place, seen, missing)
            if seen.position < old.position:
                return False
        new = Checkpoint.objects.get(pk=seen.pk)
        if new.parked > old.parked:
            raise ProjectionError(
                f"{new.parked} events cannot be folded (live: {old.parked}); the live rows were kept",
                projection=projection.name,
                first=str(ParkedEvent.objects.filter(projection=place.name, attempts__gt=0).first()),
            )
        difference = _replace_rows(live(projection).table, place.table)
        Checkpoint.objects.filter(pk=old.pk).update(
            position=new.position, version=projection.version, parked=new.parked, events=new.events
        )
        ParkedEvent.objects.filter(projection=projection.name).delete()
        ParkedEvent.objects.filter(projection=place.name).update(projection=projection.name)
        _discard(place)
        Rebuild.objects.filter(pk=job.pk).update(
            state=Rebuild.State.DONE,
            position=new.position,
            head=new.position,
            finished_at=timezone.now(),
            **difference,
        )
    return True


def _replace_rows(old: Table[Any], new: Table[Any]) -> dict[str, int]:
    """Make the old table equal to the new one, touching only rows that differ; how many of each kind."""
    columns = [f'"{name}"' for name in old.columns]
    same = "IS NOT DISTINCT FROM" if connection.vendor == "postgresql" else "IS"
    ours, theirs = (", ".join(f"{table}.{name}" for name in columns) for table in ("o", "n"))
    pair = f'o."{old.key}" = n."{old.key}"'
    with connection.cursor() as cursor:
        cursor.execute(f'DELETE FROM "{old.name}" AS o WHERE NOT EXISTS (SELECT 1 FROM "{new.name}" AS n WHERE {pair})')
        removed = cursor.rowcount
        cursor.execute(
            f'SELECT COUNT(*) FROM "{new.name}" AS n WHERE NOT EXISTS (SELECT 1 FROM "{old.name}" AS o WHERE {pair})'
        )
        [added] = cursor.fetchone()
        cursor.execute(
            f'INSERT INTO "{old.name}" ({", ".join(columns)}) SELECT {theirs} FROM "{new.name}" AS n '
            f'WHERE NOT EXISTS (SELECT 1 FROM "{old.name}" AS o WHERE {pair} AND ({ours}) {same} ({theirs})) '
            f"{old.on_conflict()}"
        )
        return {"removed": removed, "added": added, "changed": cursor.rowcount - added}


def _discard(place: Place) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f'DROP TABLE IF EXISTS "{place.table.name}"')
    ParkedEvent.objects.filter(projection=place.name).delete()
    Checkpoint.objects.filter(projection=place.name).delete()


def _create_like(name: str, model: str) -> None:
    """An empty table with the same columns and primary key; only the key is needed to fold into it."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(f'CREATE TABLE "{name}" (LIKE "{model}" INCLUDING INDEXES)')
            return
        cursor.execute("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = %s", [model])
        [sql] = cursor.fetchone()
        cursor.execute(sql.replace(f'"{model}"', f'"{name}"', 1))
