"""Commands, events, the envelope of a command and the metadata of an event."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, ClassVar, Final, Generic, NamedTuple, TypeAlias, TypeVar
from uuid import UUID

import msgspec
import uuid_utils
from msgspec import Struct

from eventshop.core.errors import CommandRefused
from eventshop.core.human_text import ANY_TEXT, LINES, NAME, VISIBLE_TEXT, TextRule

#: A time with its time zone; a naive time is refused.
Instant: TypeAlias = Annotated[datetime, msgspec.Meta(tz=True)]

#: Free text: all but control characters.
ONE_LINE_PATTERN: Final = r"^[^\x00-\x1f\x7f]*\Z"
LINES_PATTERN: Final = r"^[^\x00-\x09\x0b-\x1f\x7f]*\Z"

# The types of texts. Decoding checks length and control characters, which stored events of every age pass; the rule
# behind them is for commands and request bodies only (`eventshop.core.command_cleaning`).
#: One line of text, at most 200 characters.
Text: TypeAlias = Annotated[str, msgspec.Meta(max_length=200, pattern=ONE_LINE_PATTERN), ANY_TEXT]
#: As `Text`, with at least one visible character.
NonEmptyText: TypeAlias = Annotated[
    str, msgspec.Meta(min_length=1, max_length=200, pattern=ONE_LINE_PATTERN), VISIBLE_TEXT
]
#: The name of a person or thing: at least one letter or digit.
Name: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=ONE_LINE_PATTERN), NAME]
#: As `Name`, or empty.
OptionalName: TypeAlias = Annotated[str, msgspec.Meta(max_length=200, pattern=ONE_LINE_PATTERN), TextRule(word=True)]
#: As `Text`, but kept character by character as its source has it, with the spaces around it.
VerbatimText: TypeAlias = Annotated[
    str, msgspec.Meta(max_length=200, pattern=ONE_LINE_PATTERN), TextRule(verbatim=True)
]
#: Several lines of text, at most 1,000 characters.
MultilineText: TypeAlias = Annotated[str, msgspec.Meta(max_length=1_000, pattern=LINES_PATTERN), LINES]


class Command(Struct, frozen=True, forbid_unknown_fields=True):
    """An intention. `__post_init__` refuses what is invalid in every state.

    `added_fields` are those that an earlier release did not have: a command that is sent again after the upgrade must
    be recognised as the same one while they have their defaults. `lines.kind` names a field of each item of `lines`.
    """

    added_fields: ClassVar[tuple[str, ...]] = ()


class UniqueValue(NamedTuple):
    """A value that one aggregate has in a set; `error` refuses it to any other. Case and spaces around do not count."""

    set_name: str
    value: str
    error: CommandRefused


class Event(Struct, frozen=True, forbid_unknown_fields=True):
    """A fact, named in the past tense, with everything that a reader needs.

    `schema_version` is raised with each change of the fields. `stored_name` (default: the class name) is the name
    in the event store and the event log; it never changes once an event is stored.
    """

    schema_version: ClassVar[int] = 1
    stored_name: ClassVar[str | None] = None

    def unique_values(self) -> Sequence[UniqueValue]:
        """Return values of this event that no other aggregate may have; the append is refused if one does."""
        return ()


class Envelope(Struct, frozen=True):
    """The sender, time and correlation of a command.

    Built at the edge (page, API, importer, saga), where ids are created and the clock is read. Defaults:
    `correlation_id` is the command's own id, `occurred_at` is the time of recording.
    """

    command_id: UUID
    actor: NonEmptyText = "system"
    occurred_at: Instant | None = None
    correlation_id: UUID | None = None
    causation_id: UUID | None = None
    saga_id: UUID | None = None
    sequence_number: int = 0  # of the causing event within its correlation; this command's events continue the count
    metadata: dict[str, str] = {}  # traceparent, request id and other context; never personal data


class Meta(Struct, frozen=True):
    """The metadata of a stored event: its identity, place in the stream, times, causation and actor."""

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


class RecordedEvent(Struct, Generic[E_co], frozen=True):
    """A stored event with its metadata."""

    event: E_co
    meta: Meta


def new_id() -> UUID:
    """Return a UUIDv7 (RFC 9562). It sorts by creation time, so that indexes grow at one end."""
    return UUID(int=uuid_utils.uuid7().int)
