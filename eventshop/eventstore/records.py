"""An event as a row of the store, and the way from there to a `Recorded` event."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

import msgspec

from eventshop.core.message_registry import MessageRegistry
from eventshop.core.messages import Meta, RecordedEvent
from eventshop.eventstore.field_encryption import FieldContext, read_event


class EventRow(NamedTuple):
    """One event's columns in the order of the table, `position` last. Times are aware and in UTC."""

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


class ReceiptRow(NamedTuple):
    """One receipt's columns in the order of the table."""

    command_id: UUID
    command_type: str
    payload_hash: bytes
    aggregate_id: UUID
    aggregate_type: str
    version: int
    events: int
    position: int
    actor: str
    recorded_at: datetime


#: A snapshot stands among the past as its first row; then the fingerprint.
SNAPSHOT_PREFIX: Final = "snapshot "


class HistoryEntry(NamedTuple):
    """The little of an event that a decision needs; or a snapshot, which stands for all events up to its version."""

    version: int
    event_type: str
    payload: str
    hash: bytes
    aggregate_type: str
    schema_version: int


class ChainLink(NamedTuple):
    """What a walk along the chains needs of an event; `text` is what its hash is made of beside the one before it."""

    aggregate_id: UUID
    version: int
    hash: bytes
    canonical_text: bytes
    position: int
    event_id: UUID
    aggregate_type: str
    event_type: str


#: The event table's columns, except the position that the database gives.
EVENT_COLUMNS: Final = EventRow._fields[:-1]
RECEIPT_COLUMNS: Final = ReceiptRow._fields
SELECT_EVENT: Final = f"SELECT {', '.join(EventRow._fields)} FROM event"
SELECT_RECEIPT: Final = f"SELECT {', '.join(RECEIPT_COLUMNS)} FROM receipt"


def to_recorded_event(row: EventRow, registry: MessageRegistry) -> RecordedEvent[Any]:
    """The event a row holds in today's shape, in clear; raises `UnknownName`, `BrokenStream` or `Tampered`."""
    return RecordedEvent(
        read_event(registry, row.payload, field_context(row)), use_current_name(to_meta(row), registry)
    )


def use_current_name(meta: Meta, registry: MessageRegistry) -> Meta:
    """With the event's name of today, so that what reads events knows one name for one type."""
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
    """The first `count` columns of some rows, each as a list: what `unnest` takes."""
    return [list(column) for column in list(zip(*rows, strict=True))[:count]]
