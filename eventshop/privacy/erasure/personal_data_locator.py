"""Locates a person's data in the event store, and reads the search terms in it while the keys still exist."""

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
    """A person's data in the event store: search terms, other streams with data of theirs, and the number of events."""

    terms: list[SearchTerm]
    streams: list[UUID]
    event_count: int


def locate_personal_data(person: UUID, registry: MessageRegistry = program) -> DataLocations:
    """Read every event with data of this person. Fields that cannot be decrypted any more give no search terms."""
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
    """The events of the person's own stream, then those with personal fields that contain their id, by position."""
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
    except EventShopError:  # an unreadable value cannot have been copied anywhere
        return
    for field in fields:
        value = getattr(event, field.name)
        if isinstance(value, str) and not isinstance(value, Redacted):
            for line in filter(None, map(str.strip, value.splitlines())):
                yield SearchTerm(line, unique=bool(field.unique))
