"""An aggregate as it was, and what became of it between two versions: by the same fold that decides commands."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from eventshop.core.aggregate import Aggregate
from eventshop.core.errors import InvalidMessage, StoreError
from eventshop.core.message_registry import Registry
from eventshop.core.message_registry import registry as program
from eventshop.core.messages import Meta, Recorded
from eventshop.core.personal_fields import Redacted
from eventshop.eventstore.event_store import EventStore
from eventshop.eventstore.models import StoredEvent


class NoSuchStream(StoreError):
    """No stream has this id."""

    code = "no-such-stream"


class Moment(NamedTuple):
    """An aggregate at one point of its life. `last` is the event that made it so; None: nothing had happened yet."""

    version: int
    state: Aggregate[Any, Any]
    last: Meta | None


class Changed(NamedTuple):
    """One field that differs between two versions, and the events that changed it, in order."""

    field: str
    before: Any
    after: Any
    by: list[Meta]


def at_version(aggregate_id: UUID, version: int, *, masked: bool = False, registry: Registry = program) -> Moment:
    """As it was after the event of a version, or after its last one; raises `NoSuchStream`.

    `masked`, here and below: as somebody would see it to whom no personal value is shown.
    """
    stream = EventStore(registry).get_event_stream(aggregate_id, to_version=version)
    return _folded(aggregate_id, _seen(stream, masked, registry), registry)


def as_of(
    aggregate_id: UUID, at: datetime, *, business: bool = False, masked: bool = False, registry: Registry = program
) -> Moment:
    """As the store knew it at a moment; `business`: as far as it had happened by then, whenever that was recorded.

    Raises `NoSuchStream`, and `InvalidMessage` for a moment without time zone.
    """
    if at.tzinfo is None:
        raise InvalidMessage("as_of needs a time zone", as_of=at)
    stream = EventStore(registry).get_event_stream(aggregate_id, as_of=None if business else at)
    happened = (item for item in stream if item.meta.occurred_at <= at) if business else stream
    return _folded(aggregate_id, _seen(happened, masked, registry), registry)


def diff(
    aggregate_id: UUID, first: int, last: int, *, masked: bool = False, registry: Registry = program
) -> list[Changed]:
    """What differs between two versions, field by field; 0 is before anything. Raises `NoSuchStream`."""
    state = _type_of(aggregate_id, registry)()
    start = now = fields(state)
    by: dict[str, list[Meta]] = {}
    stream = EventStore(registry).get_event_stream(aggregate_id, to_version=last)
    for item in _seen(stream, masked, registry):
        state = state.evolve(item.event)
        if item.meta.version < first:
            continue
        before, now = now, fields(state)
        if item.meta.version == first:
            start = now
            continue
        for name in _differing(before, now):
            by.setdefault(name, []).append(item.meta)
    return [Changed(name, start.get(name), now.get(name), by[name]) for name in _differing(start, now)]


def fields(state: Aggregate[Any, Any]) -> dict[str, Any]:
    """Every field of a state by its path, such as `lines.1.quantity`."""
    return dict(_flat("", msgspec.to_builtins(state, str_keys=True)))


def _flat(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            yield from _flat(f"{path}.{name}" if path else name, inner)
    else:
        yield path, value


def _differing(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    return [name for name in (before | after) if before.get(name) != after.get(name)]


def _seen(events: Iterator[Recorded[Any]], masked: bool, registry: Registry) -> Iterator[Recorded[Any]]:
    return (_masked(item, registry) for item in events) if masked else events


def _masked(item: Recorded[Any], registry: Registry) -> Recorded[Any]:
    """As if every person in it were erased: every fold can be told of such an event."""
    fields = registry.personal(type(item.event))
    hidden = {field.name: Redacted(field.purpose) for field in fields if getattr(item.event, field.name)}
    return Recorded(msgspec.structs.replace(item.event, **hidden), item.meta) if hidden else item


def _folded(aggregate_id: UUID, events: Iterator[Recorded[Any]], registry: Registry) -> Moment:
    state, last = _type_of(aggregate_id, registry)(), None
    for item in events:
        state, last = state.evolve(item.event), item.meta
    return Moment(last.version if last else 0, state, last)


def _type_of(aggregate_id: UUID, registry: Registry) -> type[Aggregate[Any, Any]]:
    name = StoredEvent.objects.filter(aggregate_id=aggregate_id, version=1).values_list("aggregate_type", flat=True)
    for found in name:
        return registry.aggregate(found)
    raise NoSuchStream(stream=aggregate_id)
