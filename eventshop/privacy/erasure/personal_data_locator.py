"""Locates a person's data in the event store, and reads the search terms in it while the keys still exist."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Final, NamedTuple
from uuid import UUID

from msgspec import Struct

from eventshop.core.errors import EventShopError
from eventshop.core.message_registry import MessageRegistry
from eventshop.core.message_registry import registry as program
from eventshop.core.messages import Event
from eventshop.eventstore import field_encryption
from eventshop.eventstore.backends.protocol import backend
from eventshop.eventstore.event_store import store
from eventshop.eventstore.records import EventRow, field_context, load_keys_of_rows
from eventshop.privacy.erasure import personal_data_holders
from eventshop.privacy.erasure.search_terms import SearchTerm, terms_of, words_of

PAGE_SIZE: Final = 1_000


class DataLocations(NamedTuple):
    """A person's data in the event store: search terms, other streams with data of theirs, and the number of events."""

    terms: list[SearchTerm]
    streams: list[UUID]
    event_count: int


def locate_personal_data(person: UUID, registry: MessageRegistry = program) -> DataLocations:
    """Read every event with data of this person. Fields that cannot be decrypted any more give no search terms.

    A text that also stands in clear in one of these events, such as a country, is not sought: it stays anyway.
    """
    terms: dict[str, SearchTerm] = {}
    clear_texts: set[str] = set()
    streams = dict.fromkeys(personal_data_holders.find_streams(person))
    count = 0
    for row in events_about(person, registry):
        count += 1
        if row.aggregate_id != person:
            streams[row.aggregate_id] = None
        for event, names in _read_personal_event(row, registry):
            clear_texts.update(_clear_texts(event, names))
            terms |= {term.text: term for term in _search_terms_of(event, registry) if term.text not in terms}
    clear_words = {word for text in clear_texts for word in words_of(text)}
    known = {text.casefold() for text in clear_texts}
    sought = (term for term in terms.values() if term.unique or term.text.casefold() not in known)
    sought = (term for term in sought if not term.part or term.text not in clear_words)
    return DataLocations(list(sought), list(streams), count)


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
        load_keys_of_rows(page, registry)
        yield from page
        if len(page) < PAGE_SIZE:
            return
        after = page[-1].position


def _read_personal_event(row: EventRow, registry: MessageRegistry) -> Iterator[tuple[Event, frozenset[str]]]:
    """An event with personal fields and their names; nothing if it has none, or cannot be read."""
    fields = registry.personal_fields_of(registry.reader_for(row.event_type, row.schema_version).event_class)
    if fields:
        with suppress(EventShopError):  # an unreadable value cannot have been copied anywhere
            event = field_encryption.read_event(registry, row.payload, field_context(row))
            yield event, frozenset(field.name for field in fields)


def _search_terms_of(event: Event, registry: MessageRegistry) -> Iterator[SearchTerm]:
    for field in registry.personal_fields_of(type(event)):
        value = getattr(event, field.name)
        if isinstance(value, str) and not field.free_text:
            yield from terms_of(value, unique=bool(field.unique))


def _clear_texts(event: Event, personal_names: frozenset[str]) -> Iterator[str]:
    """The texts in an event's other fields, at any depth; no ids, times or numbers."""
    waiting = [getattr(event, name) for name in event.__struct_fields__ if name not in personal_names]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            yield value
        elif isinstance(value, Struct):
            waiting += [getattr(value, name) for name in value.__struct_fields__]
        elif isinstance(value, tuple | list | frozenset):
            waiting += value
