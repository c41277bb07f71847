"""A test aggregate with personal data in its state, which no aggregate of EventShop has so far."""

from __future__ import annotations

from typing import Annotated, Final, Self
from uuid import UUID

from msgspec.structs import replace

from eventshop.core.aggregate import Aggregate
from eventshop.core.message_registry import MessageRegistry
from eventshop.core.messages import Command, Event, NonEmptyText
from eventshop.core.personal_fields import Personal, Redacted

PERSON: Final = UUID("00000000-0000-4000-8000-00000000bad6")
MARKER: Final = "Zz-Badge Marker"
_NAME: Final = Personal(of="person_id", purpose="badge")


class Rename(Command, frozen=True):
    person_id: UUID
    name: Annotated[NonEmptyText, _NAME]


class Renamed(Event, frozen=True):
    """The person has a new name."""

    person_id: UUID
    name: Annotated[NonEmptyText | Redacted, _NAME]


class Badge(Aggregate[Rename, Renamed], frozen=True):
    """A person's badge."""

    name: NonEmptyText | Redacted = "-"

    @staticmethod
    def id_of(command: Rename) -> UUID:
        return command.person_id

    def decide(self, command: Rename) -> list[Renamed]:
        return [Renamed(command.person_id, command.name)]

    def evolve(self, event: Renamed) -> Self:
        return replace(self, name=event.name)


badges: Final = MessageRegistry()
badges.add(Badge)
