"""Read models folded in memory: as they were at a time, and as today's code would make them. Nothing is written.

All rows, or the one that is asked for, are held in memory: about a kilobyte each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, Final, NamedTuple, TypeVar

from django.db import connection, transaction

from eventshop.core.errors import InvalidMessage
from eventshop.core.message_registry import MessageRegistry
from eventshop.core.message_registry import registry as program
from eventshop.core.messages import RecordedEvent
from eventshop.eventstore.backends.protocol import backend
from eventshop.eventstore.records import EventRow, to_recorded_event
from eventshop.messaging.kafka.event_records import partition_for
from eventshop.projections.fold import Fold, PlannedEvent, row_changes
from eventshop.projections.models import Checkpoint
from eventshop.projections.projection import Projection
from eventshop.projections.read_model import ReadModel

R = TypeVar("R", bound=ReadModel)
ProgressCallback = Callable[[int], None]

PAGE: Final = 1_000
#: Where a row came from depends on the log that it was folded from, and on the order of partitions.
LINEAGE: Final = frozenset({"last_event_id", "last_version", "last_partition", "last_offset"})
#: Differences that are shown; all are counted.
EXAMPLES: Final = 10


def rows_as_of(
    projection: Projection[R],
    moment: datetime,
    *,
    key: str | None = None,
    business: bool = False,
    on_progress: ProgressCallback = lambda position: None,
    registry: MessageRegistry = program,
) -> dict[Any, R]:
    """The rows as all events recorded by then make them, or the one with this primary key; `told` hears positions.

    `business`: of all that had happened by then, whenever it was recorded. Raises `InvalidMessage` for a moment
    without time zone, `BrokenStream` for an event that cannot be read.
    """
    if moment.tzinfo is None:
        raise InvalidMessage("as_of needs a time zone", as_of=moment)
    folding = Fold(projection, {})
    for row in _rows(
        projection, "" if business else "AND recorded_at <= %s", () if business else (moment,), on_progress, registry
    ):
        if row.occurred_at <= moment or not business:
            _apply(folding, to_recorded_event(row, registry), key)
    return folding.rows


class RowDifference(NamedTuple):
    """One row that would differ: column by column, as it is and as it would be."""

    key: str
    columns: dict[str, tuple[Any, Any]]


class DryRun(NamedTuple):
    """What today's fold of the events that a projection has seen would change."""

    events: int
    rows: int
    added: int
    changed: int
    removed: int
    failed: int
    first_failure: str
    examples: list[RowDifference]

    @property
    def has_differences(self) -> bool:
        return bool(self.added or self.changed or self.removed or self.failed)


def dry_run(
    projection: Projection[R],
    *,
    on_progress: ProgressCallback = lambda position: None,
    one_partition: bool = True,
    registry: MessageRegistry = program,
) -> DryRun:
    """Fold anew what the live rows were made of, and compare. `one_partition`: they are fed from the database log."""
    with transaction.atomic():
        if connection.vendor == "postgresql":  # rows and checkpoints of one moment, while workers go on
            connection.cursor().execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        seen = dict(Checkpoint.objects.filter(projection=projection.name).values_list("partition", "store_position"))
        folding, events, failures = Fold(projection, {}), 0, list[str]()
        for row in _rows(projection, "", (), on_progress, registry):
            if row.position > seen.get(0 if one_partition else partition_for(row.aggregate_id), 0):
                continue
            events += 1
            try:
                _apply(folding, to_recorded_event(row, registry))
            except Exception as error:  # what would be parked
                failures.append(f"{row.event_type} at position {row.position}: {type(error).__name__}: {error}")
        return _compared(projection, folding.rows, events, failures)


def _compared(projection: Projection[R], folded: dict[Any, R], events: int, failures: list[str]) -> DryRun:
    left, changed, removed, examples = dict(folded), 0, 0, list[RowDifference]()
    for row in projection.model._default_manager.iterator(chunk_size=PAGE):
        would_be = left.pop(row.pk, None)
        if would_be is None:
            removed += 1
        elif differing := _differing(row, would_be):
            changed += 1
            if len(examples) < EXAMPLES:
                examples.append(RowDifference(str(row.pk), differing))
    return DryRun(
        events, len(folded), len(left), changed, removed, len(failures), failures[0] if failures else "", examples
    )


def _differing(row: ReadModel, would_be: ReadModel) -> dict[str, tuple[Any, Any]]:
    names = [field.attname for field in row._meta.concrete_fields if field.attname not in LINEAGE]
    pairs = {name: (getattr(row, name), getattr(would_be, name)) for name in names}
    return {name: (now, then) for name, (now, then) in pairs.items() if now != then}


def _rows(
    projection: Projection[Any],
    condition: str,
    parameters: tuple[Any, ...],
    told: ProgressCallback,
    registry: MessageRegistry,
) -> Iterator[EventRow]:
    """The rows of every event that a projection handles, in the order of the store."""
    names = [name for event in projection.handlers for name in registry.stored_names(event)]
    marks, after = ", ".join(["%s"] * len(names)), 0
    while True:
        page = backend().select_events(
            f"WHERE position > %s AND event_type IN ({marks}) {condition} ORDER BY position LIMIT {PAGE}",
            (after, *names, *parameters),
        )
        yield from page
        if page:
            told(page[-1].position)
        if len(page) < PAGE:
            return
        after = page[-1].position


def _apply(folding: Fold[Any], item: RecordedEvent[Any], key: str | None = None) -> None:
    touched = row_changes(folding.projection, item.event, item.meta)
    if key is not None:
        touched = [touch for touch in touched if str(folding.projection.primary_key(touch.key)) == key]
    if touched:
        folding.apply(PlannedEvent(item.event, item.meta, item.meta.position, 0, 0, touched))
