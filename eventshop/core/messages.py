"""What is said and what happened: commands, events, and what is known beside them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, ClassVar, Generic, TypeAlias, TypeVar
from uuid import UUID

import msgspec
import uuid_utils
from msgspec import Struct

#: A moment with its time zone; a naive one is refused.
Instant: TypeAlias = Annotated[datetime, msgspec.Meta(tz=True)]
#: One line of text: no control characters, at most 200 characters.
Text: TypeAlias = Annotated[str, msgspec.Meta(max_length=200, pattern=r"^[^\x00-\x1f\x7f]*\Z")]
#: As `Text`, and not empty.
Name: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*\Z")]


class Command(Struct, frozen=True, forbid_unknown_fields=True):
    """An intention, valid on its own: nonsense is refused in `__post_init__`, without knowing any state."""


class Event(Struct, frozen=True, forbid_unknown_fields=True):
    """A fact in the past tense, rich enough that no reader must look anything up.

    `schema_version` counts the shapes this type has had. `stored_name` (default: the class name) is what the store
    and the log call it; it never changes once an event is stored.
    """

    schema_version: ClassVar[int] = 1
    stored_name: ClassVar[str | None] = None


class Envelope(Struct, frozen=True):
    """Who sends a command, when, and as part of which story.

    Made at the edge (page, API, importer, saga): this is where ids and clock enter. Left out, `correlation_id` is the
    command's own id and `occurred_at` is when the store recorded it.
    """

    command_id: UUID
    actor: Name = "system"
    occurred_at: Instant | None = None
    correlation_id: UUID | None = None
    causation_id: UUID | None = None
    saga_id: UUID | None = None
    sequence_number: int = 0  # place of the cause within the correlation; events count on from here
    metadata: dict[str, str] = {}  # traceparent, request id and other free context; never personal data


class Meta(Struct, frozen=True):
    """Everything known beside an event's own fields. DESIGN.md, section 4."""

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
    metadata: dict[str, Any]
    hash: bytes
    position: int = 0  # 0: not stored yet
    partition: int = 0


E_co = TypeVar("E_co", bound=Event, covariant=True)


class Recorded(Struct, Generic[E_co], frozen=True):
    """An event as the store gives it back: the fact, and what is known beside it."""

    event: E_co
    meta: Meta


def new_id() -> UUID:
    """A UUIDv7 (RFC 9562): sorts by the time it was made, so that indexes grow at one end."""
    return UUID(int=uuid_utils.uuid7().int)
