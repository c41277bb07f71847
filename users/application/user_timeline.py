"""What happened to a person's data, in words for that person."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final, NamedTuple, assert_never
from uuid import UUID

from eventshop.core.messages import Recorded
from eventshop.datetimes import day_text
from users.domain.events import (
    ConsentExpired,
    ConsentGranted,
    ConsentWithdrawn,
    ContactDetailsChanged,
    DataAccessed,
    DataErased,
    DataExported,
    ErasureBegun,
    ErasureCancelled,
    ErasureRequested,
    LegalHoldPlaced,
    LegalHoldReleased,
    ProcessingRecorded,
    ProcessingRestricted,
    ProcessingResumed,
    UserCreated,
    UserEvent,
)
from users.domain.purposes import PURPOSES

#: Where a decision came from, as it ends a sentence.
SOURCES: Final = {
    "page": "on this site",
    "staff": "through our staff",
    "api": "through a program",
    "import": "with data from elsewhere",
}


class Chapter(NamedTuple):
    """One event: its place in the stream, its id, when, and what it says."""

    version: int
    event_id: UUID
    at: datetime
    words: str
    event: UserEvent


def chapter(recorded: Recorded[UserEvent]) -> Chapter:
    meta = recorded.meta
    return Chapter(meta.version, meta.event_id, meta.occurred_at, told(recorded.event), recorded.event)


def label(term: str) -> str:
    """What people read for a purpose; a purpose that is not asked about any more keeps its term."""
    return PURPOSES[term].label if term in PURPOSES else term


def told(event: UserEvent) -> str:
    """One sentence."""
    match event:
        case UserCreated(source=source):
            return f"The account was made {SOURCES[source]}."
        case ContactDetailsChanged(source=source):
            return f"Name or contact details were changed {SOURCES[source]}."
        case ConsentGranted(purpose=term, source=source):
            return f"You agreed to “{label(term)}” {SOURCES[source]}."
        case ConsentWithdrawn(purpose=term, source=source):
            return f"You took back your consent to “{label(term)}” {SOURCES[source]}."
        case ConsentExpired(purpose=term):
            return f"Your consent to “{label(term)}” ended by itself."
        case ProcessingRecorded(purpose=term, activity=activity, recipient=recipient):
            return f"{activity} ({label(term)})" + (f"; {recipient} received data." if recipient else ".")
        case ProcessingRestricted(source=source):
            return f"The use of your data was restricted {SOURCES[source]}."
        case ProcessingResumed(source=source):
            return f"The restriction was lifted {SOURCES[source]}."
        case DataAccessed(fields=fields, reason=reason, staff=staff):
            return f"{staff} of our staff looked at your {', '.join(fields)}. Reason: {reason}"
        case DataExported():
            return "A copy of everything was taken."
        case LegalHoldPlaced(hold=hold, reason=reason):
            return f"Your data must be kept for now: {reason} ({hold})."
        case LegalHoldReleased(hold=hold):
            return f"That duty to keep your data is over ({hold})."
        case ErasureRequested(due_at=due_at):
            return f"You asked us to erase your data on {day_text(due_at)}."
        case ErasureCancelled():
            return "You kept your account after all."
        case ErasureBegun():
            return "Erasing began."
        case DataErased():
            return "Your data was erased."
        case _:
            assert_never(event)


def spaced(name: str) -> str:
    """`Order created` for `OrderCreated`."""
    return re.sub(r"(?<!^)([A-Z])", r" \1", name).capitalize()


def flat(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Nested values as names and texts: `lines 1 sku`."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from flat(inner, f"{name} {key.replace('_', ' ')}".strip())
    elif isinstance(value, list | tuple):
        for place, inner in enumerate(value, start=1):
            yield from flat(inner, f"{name} {place}")
    elif value not in (None, ""):
        yield name, str(value)
