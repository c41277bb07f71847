"""An aggregate's state as the text of a snapshot, and back: ciphertext where personal data was folded into it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

import msgspec

from eventshop.core.aggregate import Aggregate
from eventshop.core.message_registry import Registry
from eventshop.eventstore import field_encryption
from eventshop.eventstore.field_encryption import Name, Place
from eventshop.eventstore.records import SNAPSHOT, Past


def written(
    state: Aggregate[Any, Any], aggregate_id: UUID, past: Iterable[Past], version: int, registry: Registry
) -> str | None:
    """The text of a state that `past` led to; None for one that JSON does not hold, or that may not be kept.

    It is sealed with every key that any personal value in its past has: whoever of those people is erased, nobody can
    read it any more. Where one of those keys is gone already, there is no snapshot.
    """
    text = msgspec.json.encode(state).decode()
    if msgspec.json.decode(text, type=type(state)) != state:
        return None
    names = {name for item in past for name in _keys(item, aggregate_id, registry)}
    return field_encryption.seal_state(text, names, aggregate_id, version) if names else text


def read(aggregate: type[Aggregate[Any, Any]], aggregate_id: UUID, found: Past) -> Aggregate[Any, Any] | None:
    """The state of a snapshot; None when it cannot be read, or not any more."""
    text: str | None = found.payload
    if found.payload.startswith(field_encryption.SEALED):
        text = field_encryption.open_state(found.payload, aggregate_id, found.version)
    try:
        return msgspec.json.decode(text, type=aggregate) if text is not None else None
    except msgspec.DecodeError:
        return None


def _keys(item: Past, aggregate_id: UUID, registry: Registry) -> Iterable[Name]:
    """The keys of the personal values in an event, or in all that a snapshot stands for."""
    if item.event_type.startswith(SNAPSHOT):
        return field_encryption.names_of_state(item.payload) if item.payload.startswith(field_encryption.SEALED) else ()
    fields = registry.reader(item.event_type, item.schema_version).personal
    place = Place(aggregate_id, item.version, item.event_type, item.schema_version)
    return field_encryption.names_of_event(item.payload, fields, place) if fields else ()
