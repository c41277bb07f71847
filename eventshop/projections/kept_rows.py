"""The rows from before a switch, kept for a while so that the switch can be undone.

They are a copy of the table, with the checkpoints and dead letters of that moment. Undoing is a rebuild that begins
with them instead of with nothing: it folds what has happened since, and swaps them in.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, cast

from django.conf import settings
from django.core import serializers
from django.db import connection, transaction
from django.db.models.functions import Now
from django.utils import timezone

from eventshop.core.errors import InvalidMessage, ProjectionError
from eventshop.projections.checkpoints import CheckpointsByPartition
from eventshop.projections.models import Checkpoint, DeadLetter, KeptRows, Rebuild
from eventshop.projections.projection import Projection, projection_registry
from eventshop.projections.read_model_table import ReadModelTable
from eventshop.projections.rebuild_swap import create_like
from eventshop.projections.targets import ProjectionTarget, kept_table, skipped_event_ids, tables_of

_PLACES = ("position", "sequence", "store_position", "parked", "events")


def keep(projection: Projection[Any], job: Rebuild, live: CheckpointsByPartition) -> None:
    """Copy the live rows, which the caller has locked, unless the setting says that nothing is kept."""
    forget(projection)
    if not settings.REBUILDS_UNDO_HOURS:
        return
    for table in tables_of(projection, kept_table(projection)):
        create_like(table)
        with connection.cursor() as cursor:
            names = _columns(table)
            cursor.execute(f'INSERT INTO "{table.name}" ({names}) SELECT {names} FROM "{table.model._meta.db_table}"')
    KeptRows.objects.create(
        projection=projection.name,
        rebuild=job,
        version=min(row.version for row in live.values()),
        columns=_columns(kept_table(projection)),
        checkpoints={number: {place: getattr(row, place) for place in _PLACES} for number, row in live.items()},
        dead_letters=serializers.serialize("json", DeadLetter.objects.filter(projection=projection.name)),
        kept_until=timezone.now() + timedelta(hours=settings.REBUILDS_UNDO_HOURS),
    )


def _columns(table: ReadModelTable[Any]) -> str:
    return ", ".join(f'"{column}"' for column in table.columns)


def forget(projection: Projection[Any]) -> None:
    """Drop what is kept of a projection; its last switch can no longer be undone."""
    KeptRows.objects.filter(projection=projection.name).delete()
    with connection.cursor() as cursor:
        for table in tables_of(projection, kept_table(projection)):
            cursor.execute(f'DROP TABLE IF EXISTS "{table.name}"')


def forget_expired() -> str:
    """Drop what was kept for long enough: a periodic job."""
    names = list(KeptRows.objects.filter(kept_until__lte=Now()).values_list("projection", flat=True))
    for projection in (item for item in projection_registry.select([]) if item.name in names):
        with transaction.atomic():
            forget(projection)
    return f"rows from before {len(names)} switches dropped"


def request_undo(job: Rebuild, *, requested_by: str, reason: str) -> Rebuild:
    """Request that the rows from before this rebuild's switch come back, with what has happened since.

    Raises `InvalidMessage` without a reason, and `ProjectionError` when they are not kept any more, or were made by
    another version of the projection, or while the projection is being rebuilt.
    """
    projection = projection_registry.get(job.projection)
    if not reason.strip():
        raise InvalidMessage("give a reason for undoing this switch")
    with transaction.atomic():
        _find_kept(projection, job)
        if Rebuild.objects.filter(projection=job.projection, state__in=Rebuild.OPEN).exists():
            raise ProjectionError(f"{job.projection} is being rebuilt: wait, or cancel that", projection=job.projection)
        return Rebuild.objects.create(
            projection=job.projection,
            requested_by=requested_by,
            reason=f"undoes rebuild {job.pk}: {reason.strip()}"[:500],
            requested_at=timezone.now(),
            undoes=job,
        )


def _find_kept(projection: Projection[Any], job: Rebuild) -> KeptRows:
    kept = KeptRows.objects.filter(projection=projection.name, rebuild=job, kept_until__gt=Now()).first()
    if kept is None:
        raise ProjectionError(f"the rows from before rebuild {job.pk} are not kept", projection=projection.name)
    if (kept.version, kept.columns) != (projection.version, _columns(kept_table(projection))):
        raise ProjectionError(
            f"the rows from before rebuild {job.pk} are of version {kept.version}, this program's is "
            f"{projection.version} or has other columns",
            projection=projection.name,
        )
    return kept


def use(target: ProjectionTarget, job: Rebuild) -> None:
    """Make the kept rows those of a rebuild that undoes `job`. Raises `ProjectionError` when they are gone."""
    projection = target.projection
    kept = _find_kept(projection, job)
    with connection.cursor() as cursor:
        for table, new in zip(tables_of(projection, kept_table(projection)), target.tables, strict=True):
            cursor.execute(f'ALTER TABLE "{table.name}" RENAME TO "{new.name}"')
    skipped = {str(event_id) for event_id in skipped_event_ids(projection)}
    letters = [cast(DeadLetter, letter.object) for letter in serializers.deserialize("json", kept.dead_letters)]
    left = [letter for letter in letters if str(letter.event_id) not in skipped]  # skipped since then
    for letter in left:
        letter.pk, letter.projection = None, target.name
    DeadLetter.objects.bulk_create(left)
    places: dict[str, Any] = kept.checkpoints
    for number, values in places.items():
        parked = sum(letter.partition == int(number) for letter in left)
        Checkpoint.objects.create(
            projection=target.name,
            partition=int(number),
            version=projection.version,
            **{**values, "parked": parked},
        )
    kept.delete()


def kept_until(job: Rebuild) -> Any:
    """Until when this rebuild's switch can be undone; None when it cannot."""
    return KeptRows.objects.filter(rebuild=job, kept_until__gt=Now()).values_list("kept_until", flat=True).first()
