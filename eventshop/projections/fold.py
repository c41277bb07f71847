"""Folding a batch in memory: which keys it touches, the rows they load, and one event after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Generic, NamedTuple, TypeVar
from uuid import UUID

from eventshop.core.message_registry import Registry
from eventshop.core.message_registry import registry as program
from eventshop.core.messages import Event, Meta, Recorded
from eventshop.core.personal_fields import PersonalField, Redacted
from eventshop.eventstore.field_encryption import read_event
from eventshop.eventstore.records import meta as meta_of
from eventshop.eventstore.records import named
from eventshop.eventstore.records import place as place_of
from eventshop.messaging.event_log import Delivered
from eventshop.projections.projection import Key, Projection, keys_of
from eventshop.projections.read_model import ReadModel

R = TypeVar("R", bound=ReadModel)


class Touch(NamedTuple):
    """One change that one event makes to one row."""

    key: Key
    change: Callable[[Any, Any, Meta], None]


class Clear(NamedTuple):
    """Personal data of some persons as it was read, and where from: should they be erased now, it is read again."""

    subjects: frozenset[UUID]
    words: tuple[str, ...]
    source: Delivered


class Step(NamedTuple):
    """One event of a batch, and what it will touch; or the error that says it cannot be read."""

    event: Event | None
    meta: Meta
    offset: int
    partition: int
    sequence: int
    touches: list[Touch]
    error: Exception | None = None
    clear: Clear | None = None  # for an event with personal data that could be read


def steps(projection: Projection[R], delivered: Iterable[Delivered], registry: Registry = program) -> list[Step]:
    """What each delivered event will touch. An event this projection does not handle is not even decoded."""
    return [_step(projection, item, registry) for item in delivered]


def _step(projection: Projection[R], at: Delivered, registry: Registry) -> Step:
    place = at.offset, at.partition, at.sequence
    try:
        meta = named(meta_of(at.row), registry)
        kind = registry.reader(at.row.event_type, at.row.schema_version).kind
        if not projection.handlers.get(kind):
            return Step(None, meta, *place, [])
        happened = read_event(registry, at.row.payload, place_of(at.row))
        personal = registry.personal(kind)
        clear = _clear(happened, personal, at) if personal else None
        return Step(happened, meta, *place, touches(projection, happened, meta), None, clear)
    except Exception as error:  # whatever a key function or a decoder raises is this event's error, not the batch's
        known = meta_of(at.row._replace(metadata="{}"))  # the metadata may be what cannot be read
        return Step(None, known, *place, [], error)


def _clear(event: Event, fields: Iterable[PersonalField], at: Delivered) -> Clear | None:
    read = [(field, value) for field in fields if (value := getattr(event, field.name))]
    read = [(field, value) for field, value in read if not isinstance(value, Redacted)]
    if not read:
        return None
    subjects = frozenset(getattr(event, field.of) or at.row.aggregate_id for field, _ in read)
    return Clear(subjects, tuple(str(value) for _, value in read), at)


def touches(projection: Projection[R], event: Event, meta: Meta) -> list[Touch]:
    return [
        Touch(key, handler.change)
        for handler in projection.handlers.get(type(event), ())
        for key in keys_of(handler.keys(event, meta))
    ]


class Fold(Generic[R]):
    """Rows by primary key, as far as they have been folded. `changed` holds those that must be written."""

    def __init__(self, projection: Projection[R], rows: Mapping[Any, R]) -> None:
        self.projection = projection
        self.rows = dict(rows)
        self.changed: dict[Any, R] = {}

    def apply(self, step: Step) -> None:
        """Fold one event into its rows, wholly or, when a change raises, not at all."""
        before: list[tuple[Any, R, dict[str, Any] | None]] = []
        try:
            for touch in step.touches:
                key = self.projection.primary_key(touch.key)
                row = self.rows.get(key)
                if row is None:
                    row = self.rows[key] = self.projection.new_row(touch.key)
                    before.append((key, row, None))
                else:
                    before.append((key, row, row.__dict__.copy()))
                touch.change(row, step.event, step.meta)
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


def _trace(row: ReadModel, step: Step) -> None:
    """Lineage: the newest event in the row. A parked event that drains late is not the newest."""
    if row.last_partition == step.partition and step.offset < (row.last_offset or 0):
        return
    row.last_event_id = step.meta.event_id
    row.last_version = step.meta.version
    row.last_partition = step.partition
    row.last_offset = step.offset


def fold(projection: Projection[R], events: Iterable[Recorded[Any]]) -> dict[Any, R]:
    """The rows that some events make of nothing, by primary key: what a rebuild would write."""
    folding = Fold(projection, {})
    for item in events:
        touched = touches(projection, item.event, item.meta)
        folding.apply(Step(item.event, item.meta, item.meta.position, 0, 0, touched))
    return folding.rows
