"""A copy of everything that is held about a person, and where each value comes from (Art. 15 and 20 GDPR)."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Struct

from eventshop.core.message_registry import registry
from eventshop.core.messages import Recorded
from eventshop.core.personal_fields import Redacted
from eventshop.eventstore.event_store import store
from eventshop.eventstore.records import recorded
from eventshop.privacy.erasure import personal_data_holders
from eventshop.privacy.erasure.certificates import KeptData, kept_for
from eventshop.privacy.erasure.personal_data_locator import events_about
from users.domain.events import ContactDetailsChanged, UserCreated
from users.domain.purposes import PURPOSES


class Value(Struct, frozen=True):
    """One personal value, and the event that it was last given in."""

    field: str
    value: str
    kept_for: str  # the purpose of its key
    event_id: UUID
    event_type: str
    at: datetime
    source: str


class Happened(Struct, frozen=True):
    """One event about the person, in clear."""

    event_id: UUID
    event_type: str
    stream: UUID
    stream_type: str
    version: int
    at: datetime
    recorded_at: datetime
    actor: str
    data: dict[str, Any]
    encrypted: list[str]  # the fields that are kept encrypted


class Row(Struct, frozen=True):
    """One row of a table that shows what events say; `last_event_id` names the newest of them."""

    table: str
    values: dict[str, Any]


class UseOfData(Struct, frozen=True):
    """A purpose, and on which ground data is used for it."""

    purpose: str
    label: str
    legal_basis: str


class Copy(Struct, frozen=True):
    """Everything that is held about one person."""

    person: UUID
    made_at: datetime
    contact: list[Value]
    events: list[Happened]
    tables: list[Row]
    uses: list[UseOfData]
    kept_after_erasure: list[KeptData]


def everything(person: UUID, *, at: datetime) -> Copy:
    """The copy as of now; send `ExportData` first, so that it is part of it."""
    mine = [recorded(row, registry) for row in events_about(person)]
    others = [it for stream in _streams(mine, person) for it in store.get_events(stream)]
    known = {it.meta.event_id: it for it in (*mine, *others)}
    return Copy(
        person=person,
        made_at=at,
        contact=_contact(mine),
        events=[_happened(it) for it in sorted(known.values(), key=lambda it: it.meta.position)],
        tables=[Row(held.where, held.what) for held in personal_data_holders.holdings(person)],
        uses=[UseOfData(it.term, it.label, str(it.basis)) for it in PURPOSES.values()],
        kept_after_erasure=kept_for(person, at.date()),
    )


def as_json(copy: Copy) -> bytes:
    """For the person and for programs: UTF-8, indented."""
    return msgspec.json.format(msgspec.json.encode(copy), indent=2)


def _streams(mine: list[Recorded[Any]], person: UUID) -> list[UUID]:
    """The other aggregates that are the person's, such as their orders: whole, with what holds no personal data."""
    return list(dict.fromkeys(it.meta.aggregate_id for it in mine if it.meta.aggregate_id != person))


def _contact(mine: list[Recorded[Any]]) -> list[Value]:
    told = [it for it in mine if isinstance(it.event, UserCreated | ContactDetailsChanged)]
    return [
        Value(
            field.name,
            value,
            field.purpose,
            told[-1].meta.event_id,
            told[-1].meta.event_type,
            told[-1].meta.occurred_at,
            told[-1].event.source,
        )
        for field in (registry.personal(type(told[-1].event)) if told else ())
        if (value := getattr(told[-1].event, field.name)) and not isinstance(value, Redacted)
    ]


def _happened(it: Recorded[Any]) -> Happened:
    meta = it.meta
    return Happened(
        meta.event_id,
        meta.event_type,
        meta.aggregate_id,
        meta.aggregate_type,
        meta.version,
        meta.occurred_at,
        meta.recorded_at,
        meta.actor,
        msgspec.to_builtins(it.event),
        [field.name for field in registry.personal(type(it.event))],
    )
