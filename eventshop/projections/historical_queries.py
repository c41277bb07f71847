"""Fold read models in memory: as they were at a moment, or as today's code would make them. Nothing is written.

All rows, or the one that is asked for, are kept in memory: about a kilobyte each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple, TypeVar
from uuid import UUID

from django.db import connection, transaction

from eventshop.core.errors import InvalidMessage
from eventshop.core.message_registry import MessageRegistry
from eventshop.core.message_registry import registry as default_registry
from eventshop.core.messages import RecordedEvent
from eventshop.eventstore import temporal_queries
from eventshop.eventstore.backends.protocol import backend
from eventshop.eventstore.records import EventRow, to_recorded_event
from eventshop.messaging.kafka.event_records import partition_for
from eventshop.projections.fold import Corrections, Fold, PlannedEvent, apply_correction, row_changes
from eventshop.projections.models import Checkpoint
from eventshop.projections.projection import Projection
from eventshop.projections.read_model import ReadModel
from eventshop.projections.targets import corrections_of, skipped_event_ids

R = TypeVar("R", bound=ReadModel)
#: Called with the store position reached.
ProgressCallback = Callable[[int], None]

PAGE: Final = 1_000
#: Columns that are not compared: they depend on the log that a row was folded from, and on the order of its partitions.
LINEAGE: Final = frozenset({"last_event_id", "last_version", "last_partition", "last_offset"})
#: Differences that are listed; all are counted.
EXAMPLES: Final = 10
_PERSONAL: Final = "(personal)"


def rows_as_of(
    projection: Projection[R],
    moment: datetime,
    *,
    key: str | None = None,
    business: bool = False,
    on_progress: ProgressCallback = lambda position: None,
    registry: MessageRegistry = default_registry,
) -> dict[Any, R]:
    """The rows by primary key after all events recorded by a moment, or only the row with this primary key.

    Of each stream these are the events before the first one that was recorded later.

    `business`: after all events that occurred by that moment, whenever they were recorded. Raises `InvalidMessage` for
    a moment without time zone, `BrokenStream` for an event that cannot be read.
    """
    if moment.tzinfo is None:
        raise InvalidMessage("as_of needs a time zone", as_of=moment)
    condition, parameters = ("", ()) if business else ("AND recorded_at <= %s", (moment,))
    skipped, corrections = skipped_event_ids(projection), corrections_of(projection.name)
    later = {} if business else temporal_queries.versions_recorded_late(moment)
    folding = Fold(projection, {})
    for row in event_rows(projection, on_progress, registry, condition, parameters):
        if row.event_id in skipped:
            continue
        if row.occurred_at <= moment if business else row.version < later.get(row.aggregate_id, row.version + 1):
            _apply(folding, _read(row, registry, corrections), key)
    return folding.rows


def rows_of_streams(projection: Projection[R], streams: Sequence[UUID], moment: datetime) -> dict[Any, R]:
    """The rows by primary key that some streams make, as recorded up to a moment. Raises as above."""
    skipped, corrections, folding = skipped_event_ids(projection), corrections_of(projection.name), Fold(projection, {})
    ended = set[UUID]()
    for row in _rows_of(streams):
        if row.recorded_at > moment:
            ended.add(row.aggregate_id)
        if row.aggregate_id not in ended and row.event_id not in skipped:
            _apply(folding, _read(row, default_registry, corrections))
    return folding.rows


def _rows_of(streams: Sequence[UUID]) -> Iterator[EventRow]:
    """All events of some streams, in the order of the store."""
    after = 0
    while streams:
        page = backend().select_events(
            f"WHERE aggregate_id IN ({', '.join(['%s'] * len(streams))}) AND position > %s "
            f"ORDER BY position LIMIT {PAGE}",
            (*streams, after),
        )
        yield from page
        if len(page) < PAGE:
            return
        after = page[-1].position


def row_as_of(projection: Projection[R], stream: UUID, key: Any, moment: datetime) -> R | None:
    """One row that a single stream makes, as recorded up to a moment; None if it did not exist yet. Raises as above."""
    return rows_of_streams(projection, [stream], moment).get(key)


class RowDifference(NamedTuple):
    """One row that would differ: each differing column as it is and as it would be."""

    key: str
    columns: dict[str, tuple[Any, Any]]


class DryRun(NamedTuple):
    """What folding the processed events again with today's code would change."""

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
    registry: MessageRegistry = default_registry,
) -> DryRun:
    """Fold the events of the live rows again and compare. `one_partition`: the live rows read the database log."""
    with transaction.atomic():
        if connection.vendor == "postgresql":  # one snapshot of rows and checkpoints, while workers go on
            connection.cursor().execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        reached = dict(Checkpoint.objects.filter(projection=projection.name).values_list("partition", "store_position"))
        folding, events, failures, blocked = Fold(projection, {}), 0, list[str](), set[UUID]()
        skipped, corrections = skipped_event_ids(projection), corrections_of(projection.name)
        for row in event_rows(projection, on_progress, registry):
            if row.position > reached.get(0 if one_partition else partition_for(row.aggregate_id), 0):
                continue
            events += 1
            if row.event_id in skipped:
                continue
            if row.aggregate_id in blocked:
                failures.append(f"{row.event_type} at position {row.position}: waits behind an earlier dead letter")
                continue
            try:
                _apply(folding, _read(row, registry, corrections))
            except Exception as error:  # would become a dead letter, and what follows in its stream waits behind it
                blocked.add(row.aggregate_id)
                failures.append(f"{row.event_type} at position {row.position}: {type(error).__name__}: {error}")
        return _compare(projection, folding.rows, events, failures)


def _compare(projection: Projection[R], folded: dict[Any, R], events: int, failures: list[str]) -> DryRun:
    added, changed, removed, examples = dict(folded), 0, 0, list[RowDifference]()
    for row in projection.model._default_manager.iterator(chunk_size=PAGE):
        new_row = added.pop(row.pk, None)
        if new_row is None:
            removed += 1
        elif columns := differing_columns(row, new_row):
            changed += 1
            if len(examples) < EXAMPLES:
                examples.append(RowDifference(str(row.pk), columns))
    first_failure = failures[0] if failures else ""
    return DryRun(events, len(folded), len(added), changed, removed, len(failures), first_failure, examples)


def differing_columns(row: ReadModel | None, new_row: ReadModel) -> dict[str, tuple[Any, Any]]:
    """The columns that differ, each as it is and as it would be; without a row, as it is, all that have a value."""
    names = [field.attname for field in new_row._meta.concrete_fields if field.attname not in LINEAGE]
    pairs = {name: (getattr(row, name, None), getattr(new_row, name)) for name in names}
    return {name: (before, after) for name, (before, after) in pairs.items() if before != after}


def mask_personal(projection: Projection[Any], columns: dict[str, tuple[Any, Any]]) -> dict[str, tuple[Any, Any]]:
    """The columns of a difference without personal values, so that these are not stored or shown a second time."""
    personal = projection.model.erasable()
    return {name: (_PERSONAL, _PERSONAL) if name in personal else pair for name, pair in columns.items()}


def event_rows(
    projection: Projection[Any],
    on_progress: ProgressCallback,
    registry: MessageRegistry = default_registry,
    condition: str = "",
    parameters: tuple[Any, ...] = (),
) -> Iterator[EventRow]:
    """The rows of all events that a projection handles, in the order of the store; `condition` is literal SQL."""
    names = [name for event in projection.handlers for name in registry.stored_names(event)]
    placeholders, after = ", ".join(["%s"] * len(names)), 0
    while True:
        page = backend().select_events(
            f"WHERE position > %s AND event_type IN ({placeholders}) {condition} ORDER BY position LIMIT {PAGE}",
            (after, *names, *parameters),
        )
        yield from page
        if page:
            on_progress(page[-1].position)
        if len(page) < PAGE:
            return
        after = page[-1].position


def _read(row: EventRow, registry: MessageRegistry, corrections: Corrections) -> RecordedEvent[Any]:
    item = to_recorded_event(row, registry)
    correction = corrections.get(row.event_id)
    return item if correction is None else RecordedEvent(apply_correction(item.event, correction), item.meta)


def _apply(folding: Fold[Any], item: RecordedEvent[Any], key: str | None = None) -> None:
    changes = row_changes(folding.projection, item.event, item.meta)
    if key is not None:
        changes = [change for change in changes if str(folding.projection.primary_key(change.key)) == key]
    if changes:
        folding.apply(PlannedEvent(item.event, item.meta, item.meta.position, 0, 0, changes))
