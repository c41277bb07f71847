"""Where in the store a person's data is, and what it says while its keys still live."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple
from uuid import UUID

from eventshop.core.errors import EventShopError
from eventshop.core.message_registry import MessageRegistry
from eventshop.core.message_registry import registry as program
from eventshop.core.personal_fields import Redacted
from eventshop.eventstore import field_encryption
from eventshop.eventstore.backends.protocol import backend
from eventshop.eventstore.event_store import store
from eventshop.eventstore.records import EventRow, field_context
from eventshop.privacy.erasure.search_terms import SearchTerm

PAGE_SIZE: Final = 1_000


class DataLocations(NamedTuple):
    """What the store has of a person: the words, and the other aggregates that hold some under their own id."""

    terms: list[SearchTerm]
    streams: list[UUID]
    event_count: int


def locate_personal_data(person: UUID, registry: MessageRegistry = program) -> DataLocations:
    """Read every event with data of this person. What cannot be read any more leaves no word."""
    terms: dict[str, SearchTerm] = {}
    streams: dict[UUID, None] = {}
    count = 0
    for row in events_about(person, registry):
        count += 1
        if row.aggregate_id != person:
            streams[row.aggregate_id] = None
        for term in _search_terms_of(row, registry):
            terms[term.text] = term
    return DataLocations(list(terms.values()), list(streams), count)


def events_about(person: UUID, registry: MessageRegistry = program) -> Iterator[EventRow]:
    """Every event with personal fields that is the person's own or names them, stream by stream's position."""
    yield from store.read_rows(person)
    personal_types = [kind for kind in registry.events.values() if registry.personal_fields_of(kind)]
    names = [name for kind in personal_types for name in registry.stored_names(kind)]
    placeholders = ", ".join(["%s"] * len(names))
    after = 0
    while True:
        page = backend().select_events(
            f"WHERE event_type IN ({placeholders}) AND payload LIKE %s AND aggregate_id <> %s AND position > %s "
            f"ORDER BY position LIMIT {PAGE_SIZE}",
            (*names, f"%{person}%", person, after),
        )
        yield from page
        if len(page) < PAGE_SIZE:
            return
        after = page[-1].position


def _search_terms_of(row: EventRow, registry: MessageRegistry) -> Iterator[SearchTerm]:
    fields = registry.personal_fields_of(registry.reader_for(row.event_type, row.schema_version).event_class)
    if not fields:
        return
    try:
        event = field_encryption.read_event(registry, row.payload, field_context(row))
    except EventShopError:  # what nobody can read any more cannot be copied anywhere either
        return
    for field in fields:
        value = getattr(event, field.name)
        if isinstance(value, str) and not isinstance(value, Redacted):
            for line in filter(None, map(str.strip, value.splitlines())):
                yield SearchTerm(line, unique=bool(field.unique))
