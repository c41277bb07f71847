"""Where a projection writes: its live rows, or the rows of a rebuild."""

from __future__ import annotations

import json
from collections.abc import Collection, Set
from types import MappingProxyType
from typing import Any, Final, NamedTuple
from uuid import UUID

from django.db import connection

from eventshop.projections.fold import Corrections, Fold
from eventshop.projections.models import Checkpoint, DeadLetter, EventCorrection, SkippedEvent
from eventshop.projections.projection import Projection
from eventshop.projections.read_model_table import ReadModelTable
from eventshop.projections.row_details import DetailStore

#: Ends the name of the checkpoints and dead letters of a rebuild.
REBUILD_SUFFIX: Final = ":rebuild"


class ProjectionTarget(NamedTuple):
    """The table that a projection writes to, and the name under which its checkpoints and dead letters are stored."""

    projection: Projection[Any]
    name: str
    table: ReadModelTable[Any]
    #: Events that a rebuild leaves out; the live rows have passed them.
    skipped: Set[UUID] = frozenset()
    #: What a rebuild reads in place of some events' fields; batches of live rows look for themselves.
    corrections: Corrections = MappingProxyType({})

    @property
    def details(self) -> ReadModelTable[Any] | None:
        """The table of the rows' details, if the projection keeps any."""
        return details_beside(self.projection, self.table)

    @property
    def tables(self) -> list[ReadModelTable[Any]]:
        return tables_of(self.projection, self.table)

    def begin_fold(self, keys: Collection[Any]) -> Fold[Any]:
        """A fold that goes on with the rows that have these primary keys."""
        return Fold(self.projection, self.table.load(keys), DetailStore(self.details))

    def save(self, folding: Fold[Any]) -> None:
        """Write what the fold has changed."""
        self.table.save(folding.changed.values())
        folding.details.save()

    @property
    def is_published(self) -> bool:
        """Whether changes are published; those of a rebuild are not before it is swapped in."""
        return self.table.topic is not None


def details_beside(projection: Projection[Any], table: ReadModelTable[Any]) -> ReadModelTable[Any] | None:
    """The table of the details of these rows: live, of a rebuild, or from before a switch."""
    if projection.details is None:
        return None
    suffix = table.name.removeprefix(projection.model._meta.db_table)
    return ReadModelTable(projection.details, f"{projection.details._meta.db_table}{suffix}")


def tables_of(projection: Projection[Any], table: ReadModelTable[Any]) -> list[ReadModelTable[Any]]:
    """The table of rows and that of their details, if there is one."""
    details = details_beside(projection, table)
    return [table] if details is None else [table, details]


def live_target(projection: Projection[Any]) -> ProjectionTarget:
    return ProjectionTarget(projection, projection.name, ReadModelTable(projection.model, topic=projection.topic))


def rebuild_target(projection: Projection[Any]) -> ProjectionTarget:
    """The target of a rebuild: a second table and a second name, not published."""
    table = ReadModelTable(projection.model, f"{projection.model._meta.db_table}__rebuild")
    return ProjectionTarget(projection, f"{projection.name}{REBUILD_SUFFIX}", table)


def kept_table(projection: Projection[Any]) -> ReadModelTable[Any]:
    """The rows from before the last switch, for as long as it can be undone."""
    return ReadModelTable(projection.model, f"{projection.model._meta.db_table}__previous")


def discard(target: ProjectionTarget) -> None:
    """Drop the rows of a rebuild with its checkpoints and dead letters."""
    with connection.cursor() as cursor:
        for table in target.tables:
            cursor.execute(f'DROP TABLE IF EXISTS "{table.name}"')
    DeadLetter.objects.filter(projection=target.name).delete()
    Checkpoint.objects.filter(projection=target.name).delete()


def skipped_event_ids(projection: Projection[Any]) -> frozenset[UUID]:
    """The events that operators have skipped in a projection, without those that are to be folded again."""
    rows = SkippedEvent.objects.filter(projection=projection.name, restored_at=None)
    return frozenset(rows.values_list("event_id", flat=True))


def corrections_of(name: str, events: Collection[UUID] | None = None) -> Corrections:
    """The corrections that hold in a projection, by event; with `events`, only theirs."""
    rows = EventCorrection.objects.filter(projection=name, approved_at__isnull=False)
    if events is not None:
        rows = rows.filter(event_id__in=events)
    return {event_id: json.loads(changes) for event_id, changes in rows.values_list("event_id", "changes")}
