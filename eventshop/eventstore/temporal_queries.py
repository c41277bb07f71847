"""An aggregate as it was, and what became of it between two versions: by the same fold that decides commands."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from eventshop.core.aggregate import Aggregate
from eventshop.core.errors import InvalidMessage, StoreError
from eventshop.core.message_registry import MessageRegistry
from eventshop.core.message_registry import registry as program
from eventshop.core.messages import Meta, RecordedEvent
from eventshop.core.personal_fields import Redacted
from eventshop.eventstore.event_store import EventStore
from eventshop.eventstore.models import StoredEvent


class StreamNotFound(StoreError):
    """No stream has this id."""

    code = "no-such-stream"


class HistoricalState(NamedTuple):
    """An aggregate at one point of its life. `last` is the event that made it so; None: nothing had happened yet."""

    version: int
    state: Aggregate[Any, Any]
    last: Meta | None


class ChangedField(NamedTuple):
    """One field that differs between two versions, and the events that changed it, in order."""

    field: str
    before: Any
    after: Any
    changed_by: list[Meta]


def load_at_version(
    aggregate_id: UUID, version: int, *, masked: bool = False, registry: MessageRegistry = program
) -> HistoricalState:
    """As it was after the event of a version, or after its last one; raises `NoSuchStream`.

    `masked`, here and below: as somebody would see it to whom no personal value is shown.
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
    """As the store knew it at a moment; `business`: as far as it had happened by then, whenever that was recorded.

    Raises `NoSuchStream`, and `InvalidMessage` for a moment without time zone.
    """
    if time.tzinfo is None:
        raise InvalidMessage("as_of needs a time zone", as_of=time)
    stream = EventStore(registry).get_event_stream(aggregate_id, as_of=None if business else time)
    events = (recorded for recorded in stream if recorded.meta.occurred_at <= time) if business else stream
    return _fold(aggregate_id, _mask_if(events, masked, registry), registry)


def diff_versions(
    aggregate_id: UUID, first: int, last: int, *, masked: bool = False, registry: MessageRegistry = program
) -> list[ChangedField]:
    """What differs between two versions, field by field; 0 is before anything. Raises `NoSuchStream`."""
    state = _aggregate_class_of(aggregate_id, registry)()
    start = after = flatten_state(state)
    changed_by: dict[str, list[Meta]] = {}
    stream = EventStore(registry).get_event_stream(aggregate_id, to_version=last)
    for recorded in _mask_if(stream, masked, registry):
        state = state.evolve(recorded.event)
        if recorded.meta.version < first:
            continue
        before, after = after, flatten_state(state)
        if recorded.meta.version == first:
            start = after
            continue
        for name in _changed_names(before, after):
            changed_by.setdefault(name, []).append(recorded.meta)
    return [
        ChangedField(name, start.get(name), after.get(name), changed_by[name]) for name in _changed_names(start, after)
    ]


def flatten_state(state: Aggregate[Any, Any]) -> dict[str, Any]:
    """Every field of a state by its path, such as `lines.1.quantity`."""
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
    """As if every person in it were erased: every fold can be told of such an event."""
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
