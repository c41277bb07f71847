"""Temporal queries: the state of an aggregate in the past, and the difference between two versions."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

import msgspec

from eventshop.core.aggregate import Aggregate
from eventshop.core.errors import InvalidMessage, StoreError
from eventshop.core.message_registry import MessageRegistry
from eventshop.core.message_registry import registry as program
from eventshop.core.messages import Meta, RecordedEvent
from eventshop.core.personal_fields import Redacted
from eventshop.eventstore.backends.protocol import backend
from eventshop.eventstore.event_store import EventStore
from eventshop.eventstore.models import StoredEvent
from eventshop.eventstore.tail_reader import newest_position

#: How far the order of recording times may differ from the order of positions: a writer takes the time first.
CLOCK_SLACK: Final = timedelta(minutes=10)


class StreamNotFound(StoreError):
    """No event stream has this id."""

    code = "no-such-stream"


class HistoricalState(NamedTuple):
    """The state of an aggregate at a version. `last` is the metadata of its last event; None: no event yet."""

    version: int
    state: Aggregate[Any, Any]
    last: Meta | None


class ChangedField(NamedTuple):
    """A field that differs between two versions, and the events that changed it, in order."""

    field: str
    before: Any
    after: Any
    changed_by: list[Meta]


def load_at_version(
    aggregate_id: UUID, version: int, *, masked: bool = False, registry: MessageRegistry = program
) -> HistoricalState:
    """Load the state after the event of a version, or after the last event; raises `StreamNotFound`.

    `masked`, here and below, replaces every personal value by `Redacted`.
    """
    stream = EventStore(registry).get_event_stream(aggregate_id, to_version=version)
    return _fold(aggregate_id, _mask_if(stream, masked, registry), registry)


def load_as_of(
    aggregate_id: UUID,
    time: datetime,
    *,
    business: bool = False,
    masked: bool = False,
    registry: MessageRegistry = program,
) -> HistoricalState:
    """Load the state as recorded by a time; `business`: as happened by that time, whenever it was recorded.

    As recorded, the state is always that of some version. `business` selects single events: one that was recorded late
    counts from the time when it happened. Raises `StreamNotFound`, and `InvalidMessage` for a time without time zone.
    """
    if time.tzinfo is None:
        raise InvalidMessage("as_of needs a time zone", as_of=time)
    stream = EventStore(registry).get_event_stream(aggregate_id, as_of=None if business else time)
    events = (recorded for recorded in stream if recorded.meta.occurred_at <= time) if business else stream
    return _fold(aggregate_id, _mask_if(events, masked, registry), registry)


def position_at(moment: datetime, *, slack: timedelta = timedelta()) -> int:
    """The first position recorded at or after a time, by bisection: `recorded_at` needs no index.

    With `slack`, the position of a time that is earlier by so much; a negative one, of a later time.
    """
    low, high = 1, newest_position() + 1
    while low < high:
        middle = (low + high) // 2
        later_events = StoredEvent.objects.filter(position__gte=middle).order_by("position")
        row = later_events.values_list("position", "recorded_at").first()
        if row is None or row[1] + slack >= moment:
            high = middle
        else:
            low = row[0] + 1
    return int(low)


def versions_recorded_late(time: datetime) -> dict[UUID, int]:
    """Return, of streams with times that go backwards at a time, the first version that was recorded after it.

    Such streams were written by earlier releases, or restored from another store. Reads the whole event table.
    """
    return dict(backend().load_versions_recorded_late(time))


def diff_versions(
    aggregate_id: UUID, first: int, last: int, *, masked: bool = False, registry: MessageRegistry = program
) -> list[ChangedField]:
    """Return the fields that differ between two versions; 0 is the initial state. Raises `StreamNotFound`."""
    state = _aggregate_class_of(aggregate_id, registry)()
    first_fields = current = flatten_state(state)
    changed_by: dict[str, list[Meta]] = {}
    stream = EventStore(registry).get_event_stream(aggregate_id, to_version=last)
    for recorded in _mask_if(stream, masked, registry):
        state = state.evolve(recorded.event)
        if recorded.meta.version < first:
            continue
        before, current = current, flatten_state(state)
        if recorded.meta.version == first:
            first_fields = current
            continue
        for name in _changed_names(before, current):
            changed_by.setdefault(name, []).append(recorded.meta)
    return [
        ChangedField(name, first_fields.get(name), current.get(name), changed_by[name])
        for name in _changed_names(first_fields, current)
    ]


def flatten_state(state: Aggregate[Any, Any]) -> dict[str, Any]:
    """Return every field of a state by its path, such as `lines.1.quantity`."""
    return dict(_flatten("", msgspec.to_builtins(state, str_keys=True)))


def _flatten(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            yield from _flatten(f"{path}.{name}" if path else name, inner)
    else:
        yield path, value


def _changed_names(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    return [name for name in (before | after) if before.get(name) != after.get(name)]


def _mask_if(
    events: Iterator[RecordedEvent[Any]], masked: bool, registry: MessageRegistry
) -> Iterator[RecordedEvent[Any]]:
    return (_mask(item, registry) for item in events) if masked else events


def _mask(recorded: RecordedEvent[Any], registry: MessageRegistry) -> RecordedEvent[Any]:
    """Redact every personal value, as after an erasure; every fold must accept such events."""
    fields = registry.personal_fields_of(type(recorded.event))
    hidden = {field.name: Redacted(field.purpose) for field in fields if getattr(recorded.event, field.name)}
    return RecordedEvent(msgspec.structs.replace(recorded.event, **hidden), recorded.meta) if hidden else recorded


def _fold(aggregate_id: UUID, events: Iterator[RecordedEvent[Any]], registry: MessageRegistry) -> HistoricalState:
    state, last = _aggregate_class_of(aggregate_id, registry)(), None
    for recorded in events:
        state, last = state.evolve(recorded.event), recorded.meta
    return HistoricalState(last.version if last else 0, state, last)


def _aggregate_class_of(aggregate_id: UUID, registry: MessageRegistry) -> type[Aggregate[Any, Any]]:
    names = StoredEvent.objects.filter(aggregate_id=aggregate_id, version=1).values_list("aggregate_type", flat=True)
    for name in names:
        return registry.aggregate_class(name)
    raise StreamNotFound(stream=aggregate_id)
