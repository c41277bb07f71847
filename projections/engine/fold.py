"""Folding a batch in memory: which keys it touches, the rows they load, and one event after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Generic, NamedTuple, TypeVar

from eventshop.core.codec import decode_event
from eventshop.core.message import Event, Meta, Recorded
from eventshop.core.registry import Registry
from eventshop.core.registry import registry as program
from eventshop.log.base import Delivered
from eventshop.store.rows import meta as meta_of
from projections.engine.projection import Key, Projection, keys_of
from projections.engine.read_model import ReadModel

R = TypeVar("R", bound=ReadModel)


class Touch(NamedTuple):
    """One change that one event makes to one row."""

    key: Key
    change: Callable[[Any, Any, Meta], None]


class Step(NamedTuple):
    """One event of a batch, and what it will touch; or the error that says it cannot be read."""

    event: Event | None
    meta: Meta
    offset: int
    partition: int
    sequence: int
    touches: list[Touch]
    error: Exception | None = None


def steps(projection: Projection[R], delivered: Iterable[Delivered], registry: Registry = program) -> list[Step]:
    """What each delivered event will touch. An event this projection does not handle is not even decoded."""
    return [_step(projection, item, registry) for item in delivered]


def _step(projection: Projection[R], at: Delivered, registry: Registry) -> Step:
    place = at.offset, at.partition, at.sequence
    try:
        meta = meta_of(at.row)
        kind = registry.event(at.row.event_type)
        if not projection.handlers.get(kind):
            return Step(None, meta, *place, [])
        happened = decode_event(kind, at.row.payload)
        return Step(happened, meta, *place, touches(projection, happened, meta))
    except Exception as error:  # whatever a key function or a decoder raises is this event's error, not the batch's
        known = meta_of(at.row._replace(metadata="{}"))  # the metadata may be what cannot be read
        return Step(None, known, *place, [], error)


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
