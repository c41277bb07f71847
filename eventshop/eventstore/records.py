"""Rows of the event and receipt tables, and their conversion to `RecordedEvent`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

import msgspec

from eventshop.core.errors import EventShopError
from eventshop.core.message_registry import MessageRegistry
from eventshop.core.messages import Event, Meta, RecordedEvent
from eventshop.eventstore.command_receipts import ReceiptRow
from eventshop.eventstore.field_encryption import FieldContext, load_keys_of_events, read_event


class EventRow(NamedTuple):
    """The columns of an event in table order, `position` last. Times are aware and in UTC."""

    event_id: UUID
    aggregate_id: UUID
    aggregate_type: str
    event_type: str
    version: int
    schema_version: int
    occurred_at: datetime
    recorded_at: datetime
    correlation_id: UUID
    causation_id: UUID | None
    saga_id: UUID | None
    sequence_number: int
    command_id: UUID
    actor: str
    metadata: str
    payload: str
    hash: bytes
    position: int = 0


_TRACEPARENT: Final = re.compile(r'"traceparent":"([0-9a-f-]{55})"')


def traceparent_of(row: EventRow) -> str:
    """The span that appended the event; empty if it belongs to none. Its metadata need not be decoded for it."""
    match = _TRACEPARENT.search(row.metadata)
    return match[1] if match else ""


#: The recording time of a stream without events.
BEGINNING: Final = datetime.min.replace(tzinfo=UTC)

#: The event type of a history entry that is a snapshot: this prefix, then the version text of the snapshot.
SNAPSHOT_PREFIX: Final = "snapshot "


class HistoryEntry(NamedTuple):
    """The columns of an event that loading needs; or a snapshot, which replaces all events up to its version."""

    version: int
    event_type: str
    payload: str
    hash: bytes
    aggregate_type: str
    schema_version: int
    recorded_at: datetime  # of the event, or of the last event that the snapshot replaces


class StoredHash(NamedTuple):
    """The hash of an event, and that of the event before it in its stream, if there is one."""

    position: int
    event_id: UUID
    hash: bytes
    previous: bytes | None


class ChainLink(NamedTuple):
    """The columns of an event that verification needs; its hash covers the previous hash and `canonical_text`."""

    aggregate_id: UUID
    version: int
    hash: bytes
    canonical_text: bytes
    position: int
    event_id: UUID
    aggregate_type: str
    event_type: str


class OpenAppend(NamedTuple):
    """A transaction that has appended events and has not ended. Its times are in seconds; None: not visible."""

    pid: int | None  # None: a prepared transaction
    application_name: str
    client: str
    state: str
    open_s: float | None
    since_statement_s: float | None


#: The columns of the event table, except the position, which the database assigns.
EVENT_COLUMNS: Final = EventRow._fields[:-1]
RECEIPT_COLUMNS: Final = ReceiptRow._fields
SELECT_EVENT: Final = f"SELECT {', '.join(EventRow._fields)} FROM event"
#: The columns of `StoredHash`; a condition on `event` follows.
SELECT_HASHES: Final = """
SELECT event.position, event.event_id, event.hash, before.hash FROM event
LEFT JOIN event AS before ON before.aggregate_id = event.aggregate_id AND before.version = event.version - 1
"""
#: Streams with times that go backwards at a time (given three times), and their first version recorded after it.
SELECT_RECORDED_LATE: Final = """
SELECT aggregate_id, min(version) FILTER (WHERE recorded_at > %s) FROM event GROUP BY aggregate_id
HAVING min(version) FILTER (WHERE recorded_at > %s) < max(version) FILTER (WHERE recorded_at <= %s)
"""
SELECT_RECEIPT: Final = f"SELECT {', '.join(RECEIPT_COLUMNS)} FROM receipt"


def to_recorded_event(row: EventRow, registry: MessageRegistry) -> RecordedEvent[Any]:
    """Decode a row: decrypted and upcast; raises `ProgramTooOld`, `BrokenStream` or `Tampered`."""
    return RecordedEvent(
        read_event(registry, row.payload, field_context(row)), use_current_name(to_meta(row), registry)
    )


def load_keys_of_rows(rows: Iterable[EventRow], registry: MessageRegistry) -> None:
    """Load the keys of a batch of rows at once, so that `to_recorded_event` needs no query for each."""
    load_keys_of_events(registry, _with_classes(rows, registry))


def _with_classes(
    rows: Iterable[EventRow], registry: MessageRegistry
) -> Iterator[tuple[type[Event], str, FieldContext]]:
    for row in rows:
        with suppress(EventShopError):  # reading this event raises it again
            yield registry.reader_for(row.event_type, row.schema_version).event_class, row.payload, field_context(row)


def use_current_name(meta: Meta, registry: MessageRegistry) -> Meta:
    """Replace a former event name by the current one, so that readers see one name for each type."""
    name = registry.reader_for(meta.event_type, meta.schema_version).event_type
    return meta if name == meta.event_type else msgspec.structs.replace(meta, event_type=name)


def field_context(row: EventRow) -> FieldContext:
    return FieldContext(row.aggregate_id, row.version, row.event_type, row.schema_version)


def to_meta(row: EventRow) -> Meta:
    return Meta(
        row.event_id,
        row.aggregate_id,
        row.aggregate_type,
        row.event_type,
        row.version,
        row.schema_version,
        row.occurred_at,
        row.recorded_at,
        row.correlation_id,
        row.causation_id,
        row.saga_id,
        row.sequence_number,
        row.command_id,
        row.actor,
        {} if row.metadata == "{}" else msgspec.json.decode(row.metadata),
        row.hash,
        row.position,
    )


def to_columns(rows: Sequence[tuple[Any, ...]], count: int) -> list[list[Any]]:
    """Transpose rows into their first `count` columns, one list for each: the arguments of `unnest`."""
    return [list(column) for column in list(zip(*rows, strict=True))[:count]]
