"""Data export: all data that is held about a person, with the source of each value (Art. 15 and 20 GDPR)."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Struct

from eventshop.core.message_registry import registry
from eventshop.core.messages import RecordedEvent
from eventshop.core.personal_fields import Redacted
from eventshop.eventstore.event_store import store
from eventshop.eventstore.records import to_recorded_event
from eventshop.privacy.erasure import personal_data_holders
from eventshop.privacy.erasure.certificates import KeptData, kept_data_of
from eventshop.privacy.erasure.personal_data_locator import events_about
from users.domain.events import ContactDetailsChanged, UserCreated
from users.domain.purposes import PURSUED


class PersonalValue(Struct, frozen=True):
    """One personal value, and the event that set it last."""

    field: str
    value: str
    kept_for: str  # the purpose of its encryption key
    event_id: UUID
    event_type: str
    at: datetime
    source: str


class ExportedEvent(Struct, frozen=True):
    """One event about the person, decrypted."""

    event_id: UUID
    event_type: str
    stream: UUID
    stream_type: str
    version: int
    at: datetime
    recorded_at: datetime
    actor: str
    data: dict[str, Any]
    encrypted: list[str]  # names of the fields that are stored encrypted


class ExportedRow(Struct, frozen=True):
    """One read model row; its `last_event_id` names the newest event that it was built from."""

    table: str
    values: dict[str, Any]


class DataUse(Struct, frozen=True):
    """A purpose of processing and its legal basis."""

    purpose: str
    label: str
    legal_basis: str


class DataExport(Struct, frozen=True):
    """All data that is held about one person."""

    person: UUID
    made_at: datetime
    contact: list[PersonalValue]
    events: list[ExportedEvent]
    tables: list[ExportedRow]
    uses: list[DataUse]
    kept_after_erasure: list[KeptData]


def export_personal_data(person: UUID, *, at: datetime) -> DataExport:
    """Export the data as of now. Send `ExportData` first, so that the export contains its own event."""
    personal = [to_recorded_event(row, registry) for row in events_about(person)]
    related = [event for stream in _related_streams(personal, person) for event in store.get_events(stream)]
    by_id = {event.meta.event_id: event for event in (*personal, *related)}
    return DataExport(
        person=person,
        made_at=at,
        contact=_contact_values(personal),
        events=[_exported_event(event) for event in sorted(by_id.values(), key=lambda event: event.meta.position)],
        tables=[ExportedRow(data.where, data.what) for data in personal_data_holders.collect_held_data(person)],
        uses=[DataUse(purpose.term, purpose.label, str(purpose.basis)) for purpose in PURSUED],
        kept_after_erasure=kept_data_of(person, at.date()),
    )


def encode_export(export: DataExport) -> bytes:
    """Encode an export as indented JSON in UTF-8."""
    return msgspec.json.format(msgspec.json.encode(export), indent=2)


def _related_streams(personal: list[RecordedEvent[Any]], person: UUID) -> list[UUID]:
    """The person's other aggregates, such as orders. They are exported completely, with their non-personal events."""
    return list(dict.fromkeys(event.meta.aggregate_id for event in personal if event.meta.aggregate_id != person))


def _contact_values(personal: list[RecordedEvent[Any]]) -> list[PersonalValue]:
    details = [event for event in personal if isinstance(event.event, UserCreated | ContactDetailsChanged)]
    if not details:
        return []
    newest = details[-1]
    return [
        PersonalValue(
            field.name,
            value,
            field.purpose,
            newest.meta.event_id,
            newest.meta.event_type,
            newest.meta.occurred_at,
            newest.event.source,
        )
        for field in registry.personal_fields_of(type(newest.event))
        if (value := getattr(newest.event, field.name)) and not isinstance(value, Redacted)
    ]


def _exported_event(recorded_event: RecordedEvent[Any]) -> ExportedEvent:
    meta, event = recorded_event.meta, recorded_event.event
    return ExportedEvent(
        meta.event_id,
        meta.event_type,
        meta.aggregate_id,
        meta.aggregate_type,
        meta.version,
        meta.occurred_at,
        meta.recorded_at,
        meta.actor,
        msgspec.to_builtins(event),
        [field.name for field in registry.personal_fields_of(type(event))],
    )
