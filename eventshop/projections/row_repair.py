"""Compare single rows with the fold of their events, and put them right: one row, or all that one stream changes.

A row that several streams change is folded from all events of its projection: this reads the store once. To repair,
the checkpoints are locked meanwhile: events wait, readers do not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from itertools import islice
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.db.models.functions import Now

from eventshop.core.errors import InvalidMessage, ProjectionError
from eventshop.eventstore.backends.protocol import backend
from eventshop.eventstore.records import EventRow
from eventshop.messaging.event_log import DeliveredEvent, EventLog
from eventshop.privacy.erasure import erasure_locks
from eventshop.projections import personal_columns
from eventshop.projections.fold import Fold, PlannedEvent, plan_events
from eventshop.projections.historical_queries import (
    LINEAGE,
    PAGE,
    DryRun,
    ProgressCallback,
    RowDifference,
    differing_columns,
    event_rows,
)
from eventshop.projections.models import Checkpoint, DeadLetter, Rebuild
from eventshop.projections.projection import Projection
from eventshop.projections.read_model_table import ReadModelTable
from eventshop.projections.row_details import DetailStore
from eventshop.projections.row_locks import lock_shared_rows
from eventshop.projections.targets import corrections_of, live_target, skipped_event_ids


def check_rows(
    projection: Projection[Any],
    source: EventLog,
    *,
    key: str = "",
    stream: UUID | None = None,
    repair: bool = False,
    on_progress: ProgressCallback = lambda position: None,
) -> DryRun:
    """Fold the row with a primary key, or all rows that a stream changes, and compare; `repair`: write what differs.

    Events that the live rows have not folded count neither: later ones, dead letters and skipped ones. Raises
    `InvalidMessage` for neither or both of key and stream, and for what is no key of this read model;
    `ProjectionError` for an event that fails, and to repair while the projection is being rebuilt.
    """
    if bool(key) == (stream is not None):
        raise InvalidMessage("name one row by its key, or a stream")
    check = _RowCheck(projection, source, on_progress)
    with transaction.atomic(), personal_columns.keys_transaction() if repair else nullcontext():
        if repair:
            check.lock()
        elif connection.vendor == "postgresql":  # one snapshot of rows and checkpoints, while workers go on
            connection.cursor().execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        return check.run(key, stream, repair=repair)


class _RowCheck:
    def __init__(self, projection: Projection[Any], source: EventLog, on_progress: ProgressCallback) -> None:
        self.projection = projection
        self.source = source
        self.on_progress = on_progress
        self.target = live_target(projection)
        self.table: ReadModelTable[Any] = self.target.table

    def lock(self) -> None:
        """Keep the rows as they are, in the order in which batches lock."""
        name = self.projection.name
        lock_shared_rows(self.projection, self.table.name)
        erasure_locks.block_all_erasures()
        list(Checkpoint.objects.select_for_update().filter(projection=name).order_by("partition"))
        if Rebuild.objects.filter(projection=name, state__in=Rebuild.OPEN).exists():
            raise ProjectionError(f"{name} is being rebuilt: that puts its rows right", projection=name)

    def run(self, key: str, stream: UUID | None, *, repair: bool) -> DryRun:
        wanted = {self._primary_key(key)} if key else self._keys_of(stream)
        now = self.table.load(wanted)
        folding, events = self._fold(wanted, now, stream)
        then = {primary_key: row for primary_key, row in folding.rows.items() if primary_key in wanted}
        changed = {}
        for primary_key, row in then.items():
            columns = differing_columns(now.get(primary_key), row)
            if columns or self._details_differ(folding, primary_key):
                changed[primary_key] = columns or {"": ("other details", "those that follow from the events")}
        removed = sorted(now.keys() - then.keys(), key=str)
        if repair and (changed or removed):
            self._write([then[primary_key] for primary_key in changed], now, removed)
            self._write_details(folding, [*changed, *removed])
        added = len(changed.keys() - now.keys())
        gone = [RowDifference(str(item), {"": ("a row", "no row")}) for item in removed]
        examples = [RowDifference(str(item), columns) for item, columns in changed.items()] + gone
        return DryRun(events, len(then), added, len(changed) - added, len(removed), 0, "", examples)

    def _details_differ(self, folding: Fold[Any], row: Any) -> bool:
        table = self.target.details
        return table is not None and DetailStore(table).get_all(row) != folding.details.get_all(row)

    def _write_details(self, folding: Fold[Any], rows: Sequence[Any]) -> None:
        """Make the details of these rows those that the fold has."""
        stored = DetailStore(self.target.details)
        for row in rows if self.target.details else ():
            then = folding.details.get_all(row)
            for key in stored.get_all(row).keys() | then.keys():
                stored.put(row, key, then.get(key))
        stored.save()

    def _primary_key(self, text: str) -> Any:
        try:
            return self.projection.model._meta.pk.to_python(text)
        except ValidationError as error:
            raise InvalidMessage(f"{text!r} is no key of {self.projection.name}") from error

    def _keys_of(self, stream: UUID | None) -> set[Any]:
        planned = self._plan(backend().select_events("WHERE aggregate_id = %s ORDER BY version", (stream,)))
        keys = {self.projection.primary_key(change.key) for event in planned for change in event.changes}
        if not keys:
            raise InvalidMessage(f"no event of {stream} changes a row of {self.projection.name}")
        return keys

    def _fold(self, wanted: set[Any], now: Mapping[Any, Any], stream: UUID | None) -> tuple[Fold[Any], int]:
        name, folding, events = self.projection.name, Fold(self.projection, {}), 0
        reached = dict(Checkpoint.objects.filter(projection=name).values_list("partition", "store_position"))
        left_out = skipped_event_ids(self.projection) | set(
            DeadLetter.objects.filter(projection=name).values_list("event_id", flat=True)
        )
        rows = self._rows(now, stream)
        while page := list(islice(rows, PAGE)):
            for event in self._plan(page):
                if event.meta.position > reached.get(event.partition, 0) or event.meta.event_id in left_out:
                    continue
                changes = [change for change in event.changes if self.projection.primary_key(change.key) in wanted]
                if event.error is not None and not event.changes:
                    raise event.error
                if changes:
                    events += 1
                    folding.apply(event._replace(changes=changes))
        return folding, events

    def _rows(self, now: Mapping[Any, Any], stream: UUID | None) -> Iterator[EventRow]:
        """The events that may change the rows: those of one stream where rows belong to one, or all."""
        if not self.projection.shared_rows and stream is None and now:
            [row] = now.values()
            last = backend().select_events("WHERE event_id = %s", (row.last_event_id,))
            stream = last[0].aggregate_id if last else None
        if stream is not None and not self.projection.shared_rows:
            return iter(backend().select_events("WHERE aggregate_id = %s ORDER BY version", (stream,)))
        return event_rows(self.projection, self.on_progress)

    def _plan(self, rows: Sequence[EventRow]) -> list[PlannedEvent]:
        """With its partition; the offset in a Kafka topic is unknown here, and 0 is older than any."""
        is_table = len(self.source.partitions) == 1
        delivered = [
            DeliveredEvent(row.position if is_table else 0, row, self.source.partition_for(row.aggregate_id))
            for row in rows
        ]
        corrections = corrections_of(self.projection.name, [row.event_id for row in rows])
        planned = plan_events(self.projection, delivered, corrections=corrections)
        return personal_columns.hold_off_erasures(self.projection, planned)

    def _write(self, rows: list[Any], now: Mapping[Any, Any], removed: list[Any]) -> None:
        """Rows keep their lineage: they are the fold of the same events as before, or should have been."""
        for row in rows:
            if (live := now.get(row.pk)) is not None:
                for column in LINEAGE:
                    setattr(row, column, getattr(live, column))
        self.table.save(rows)
        # What is cached of the old rows must not be shown any more.
        Checkpoint.objects.filter(projection=self.projection.name).update(advanced_at=Now())
        if removed:
            self.table.delete(removed)
