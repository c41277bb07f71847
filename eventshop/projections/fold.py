"""Folding a batch in memory: which keys it touches, the rows they load, and one event after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Generic, NamedTuple, TypeVar
from uuid import UUID

from eventshop.core.message_registry import MessageRegistry
from eventshop.core.message_registry import registry as program
from eventshop.core.messages import Event, Meta, RecordedEvent
from eventshop.core.personal_fields import PersonalField, Redacted
from eventshop.eventstore.field_encryption import read_event
from eventshop.eventstore.records import field_context as place_of
from eventshop.eventstore.records import to_meta as meta_of
from eventshop.eventstore.records import use_current_name
from eventshop.messaging.event_log import DeliveredEvent
from eventshop.projections.projection import Key, Projection, as_key_list
from eventshop.projections.read_model import ReadModel

R = TypeVar("R", bound=ReadModel)


class RowChange(NamedTuple):
    """One change that one event makes to one row."""

    key: Key
    apply: Callable[[Any, Any, Meta], None]


class DecryptedFields(NamedTuple):
    """Personal data of some persons as it was read, and where from: should they be erased now, it is read again."""

    subjects: frozenset[UUID]
    words: tuple[str, ...]
    source: DeliveredEvent


class PlannedEvent(NamedTuple):
    """One event of a batch, and what it will touch; or the error that says it cannot be read."""

    event: Event | None
    meta: Meta
    offset: int
    partition: int
    sequence: int
    changes: list[RowChange]
    error: Exception | None = None
    decrypted: DecryptedFields | None = None  # for an event with personal data that could be read


def plan_events(
    projection: Projection[R], delivered: Iterable[DeliveredEvent], registry: MessageRegistry = program
) -> list[PlannedEvent]:
    """What each delivered event will touch. An event this projection does not handle is not even decoded."""
    return [_step(projection, item, registry) for item in delivered]


def _step(projection: Projection[R], at: DeliveredEvent, registry: MessageRegistry) -> PlannedEvent:
    place = at.offset, at.partition, at.sequence
    try:
        meta = use_current_name(meta_of(at.row), registry)
        kind = registry.reader_for(at.row.event_type, at.row.schema_version).event_class
        if not projection.handlers.get(kind):
            return PlannedEvent(None, meta, *place, [])
        happened = read_event(registry, at.row.payload, place_of(at.row))
        personal = registry.personal_fields_of(kind)
        clear = _clear(happened, personal, at) if personal else None
        return PlannedEvent(happened, meta, *place, row_changes(projection, happened, meta), None, clear)
    except Exception as error:  # whatever a key function or a decoder raises is this event's error, not the batch's
        known = meta_of(at.row._replace(metadata="{}"))  # the metadata may be what cannot be read
        return PlannedEvent(None, known, *place, [], error)


def _clear(event: Event, fields: Iterable[PersonalField], at: DeliveredEvent) -> DecryptedFields | None:
    read = [(field, value) for field in fields if (value := getattr(event, field.name))]
    read = [(field, value) for field, value in read if not isinstance(value, Redacted)]
    if not read:
        return None
    subjects = frozenset(getattr(event, field.of) or at.row.aggregate_id for field, _ in read)
    return DecryptedFields(subjects, tuple(str(value) for _, value in read), at)


def row_changes(projection: Projection[R], event: Event, meta: Meta) -> list[RowChange]:
    return [
        RowChange(key, handler.change)
        for handler in projection.handlers.get(type(event), ())
        for key in as_key_list(handler.keys(event, meta))
    ]


class Fold(Generic[R]):
    """Rows by primary key, as far as they have been folded. `changed` holds those that must be written."""

    def __init__(self, projection: Projection[R], rows: Mapping[Any, R]) -> None:
        self.projection = projection
        self.rows = dict(rows)
        self.changed: dict[Any, R] = {}

    def apply(self, step: PlannedEvent) -> None:
        """Fold one event into its rows, wholly or, when a change raises, not at all."""
        before: list[tuple[Any, R, dict[str, Any] | None]] = []
        try:
            for touch in step.changes:
                key = self.projection.primary_key(touch.key)
                row = self.rows.get(key)
                if row is None:
                    row = self.rows[key] = self.projection.new_row(touch.key)
                    before.append((key, row, None))
                else:
                    before.append((key, row, row.__dict__.copy()))
                touch.apply(row, step.event, step.meta)
        except Exception:
            self._undo(before)
            raise
        for key, row, _ in before:
            _trace(row, step)
            self.changed[key] = row

    def _undo(self, before: list[tuple[Any, R, dict[str, Any] | None]]) -> None:
        for key, row, values in reversed(before):
            if values is None:
                del self.rows[key]
            else:
                row.__dict__ = values


def _trace(row: ReadModel, step: PlannedEvent) -> None:
    """Lineage: the newest event in the row. A parked event that drains late is not the newest."""
    if row.last_partition == step.partition and step.offset < (row.last_offset or 0):
        return
    row.last_event_id = step.meta.event_id
    row.last_version = step.meta.version
    row.last_partition = step.partition
    row.last_offset = step.offset


def fold(projection: Projection[R], events: Iterable[RecordedEvent[Any]]) -> dict[Any, R]:
    """The rows that some events make of nothing, by primary key: what a rebuild would write."""
    folding = Fold(projection, {})
    for item in events:
        touched = row_changes(projection, item.event, item.meta)
        folding.apply(PlannedEvent(item.event, item.meta, item.meta.position, 0, 0, touched))
    return folding.rows
