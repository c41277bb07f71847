"""Timeline of a person's data: each event as a sentence for that person."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final, NamedTuple, assert_never
from uuid import UUID

from eventshop.core.messages import RecordedEvent
from eventshop.datetimes import format_date
from users.domain.events import (
    CategoriesErased,
    ConsentExpired,
    ConsentGranted,
    ConsentWithdrawn,
    ContactDetailsChanged,
    DataAccessed,
    DataErased,
    DataExported,
    DeliveryAddressRemoved,
    DeliveryAddressSaved,
    ErasureBegun,
    ErasureCancelled,
    ErasureRequested,
    LegalHoldPlaced,
    LegalHoldReleased,
    PreferencesChanged,
    ProcessingRecorded,
    ProcessingRestricted,
    ProcessingResumed,
    UserCreated,
    UserEvent,
)
from users.domain.purposes import PURPOSES

#: The channel of a decision, as the end of a sentence.
SOURCES: Final = {
    "page": "on this site",
    "staff": "through our staff",
    "api": "through the API",
    "import": "by a data import",
    "retention": "because you had not used it for long",
}


class UserTimelineEntry(NamedTuple):
    """One event of the timeline with its sentence."""

    version: int
    event_id: UUID
    at: datetime
    text: str
    event: UserEvent

    @property
    def event_type(self) -> str:
        return type(self.event).__name__


def timeline_entry(recorded: RecordedEvent[UserEvent]) -> UserTimelineEntry:
    meta = recorded.meta
    return UserTimelineEntry(
        meta.version, meta.event_id, meta.occurred_at, describe_event(recorded.event), recorded.event
    )


def purpose_label(term: str) -> str:
    """The label of a purpose; a term that is no longer in use stays as it is."""
    return PURPOSES[term].label if term in PURPOSES else term


def describe_event(event: UserEvent) -> str:
    """Describe an event in one sentence."""
    match event:
        case UserCreated(source=source):
            return f"The account was created {SOURCES[source]}."
        case ContactDetailsChanged(source=source):
            return f"Name or contact details were changed {SOURCES[source]}."
        case PreferencesChanged(source=source):
            return f"Language and time zone were chosen {SOURCES[source]}."
        case DeliveryAddressSaved(source=source):
            return f"An address in your address book was added or changed {SOURCES[source]}."
        case DeliveryAddressRemoved(source=source):
            return f"An address was taken out of your address book {SOURCES[source]}."
        case ConsentGranted(purpose=term, source=source):
            return f"You agreed to “{purpose_label(term)}” {SOURCES[source]}."
        case ConsentWithdrawn(purpose=term, source=source):
            return f"You took back your consent to “{purpose_label(term)}” {SOURCES[source]}."
        case ConsentExpired(purpose=term):
            return f"Your consent to “{purpose_label(term)}” expired."
        case ProcessingRecorded():
            return _describe_use(event)
        case ProcessingRestricted(source=source):
            return f"The use of your data was restricted {SOURCES[source]}."
        case ProcessingResumed(source=source):
            return f"The restriction was lifted {SOURCES[source]}."
        case DataAccessed(fields=fields, reason=reason):
            # Without a name: the person has a right to know that, when and why, not to an employee's identity.
            return f"A member of our staff viewed your {', '.join(fields)}. Reason: {reason}"
        case DataExported():
            return "You downloaded a copy of your data."
        case LegalHoldPlaced(hold=hold, reason=reason):
            return f"Your data must be kept for now: {reason} ({hold})."
        case LegalHoldReleased(hold=hold):
            return f"The duty to keep your data has ended ({hold})."
        case ErasureRequested(due_at=due_at, source="retention"):
            return f"You had not used your account for long: we erase your data on {format_date(due_at)}."
        case ErasureRequested(due_at=due_at):
            return f"You asked us to erase your data on {format_date(due_at)}."
        case ErasureCancelled():
            return "You cancelled the erasure and kept your account."
        case ErasureBegun():
            return "The erasure began."
        case CategoriesErased(categories=categories, source=source):
            return f"Your data was erased {SOURCES[source]}: {', '.join(categories)}."
        case DataErased():
            return "Your data was erased."
        case _:
            assert_never(event)


def _describe_use(event: ProcessingRecorded) -> str:
    used = f"; used: {', '.join(event.data)}" if event.data else ""
    details = [str(text) for text in (event.offer, event.suggestion) if text]
    detail = f": {'; '.join(details)}" if details else ""
    received = f"; {event.recipient} received data." if event.recipient else "."
    return f"{event.activity}{detail} ({purpose_label(event.purpose)}){used}{received}"


def humanise_name(name: str) -> str:
    """Turn a class name into words: `Order created` for `OrderCreated`."""
    return re.sub(r"(?<!^)([A-Z])", r" \1", name).capitalize()


def flatten_values(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Yield nested values as pairs of name and text, with names such as `lines 1 sku`."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from flatten_values(inner, f"{name} {key.replace('_', ' ')}".strip())
    elif isinstance(value, list | tuple):
        for number, inner in enumerate(value, start=1):
            yield from flatten_values(inner, f"{name} {number}")
    elif value not in (None, ""):
        yield name, str(value)
