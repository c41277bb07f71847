"""Texts that stand in stored events: commands may name again what an earlier release accepted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import msgspec

from eventshop.core import serialization
from eventshop.core.aggregate import Aggregate
from eventshop.core.messages import Command, Envelope
from eventshop.eventstore.backends.protocol import backend
from eventshop.eventstore.models import StoredEvent


def is_stored(command: Command, aggregate: type[Aggregate[Any, Any]], envelope: Envelope, text: str) -> bool:
    """Whether a text stands in clear in the stream of the command, or in that of the event that caused it.

    Reads whole streams: for the few texts that would be refused otherwise. Raises `InvalidMessage`.
    """
    streams = {aggregate.id_of(serialization.encode_canonical(command)[1])}
    if envelope.causation_id is not None:
        streams |= set(_streams_of(envelope.causation_id))
    history = backend().load_histories(list(streams), snapshots=False)
    return any(text in _texts_in(msgspec.json.decode(entry.payload)) for _, entry in history)


def _streams_of(event_id: UUID) -> Iterator[UUID]:
    yield from StoredEvent.objects.filter(event_id=event_id).values_list("aggregate_id", flat=True)


def _texts_in(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            for inner in value.values():
                yield from _texts_in(inner)
        case list():
            for inner in value:
                yield from _texts_in(inner)
