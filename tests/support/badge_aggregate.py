"""An aggregate of a test with a person's name in its state: what no aggregate of the program needs so far."""

from __future__ import annotations

from typing import Annotated, Final, Self
from uuid import UUID

from msgspec.structs import replace

from eventshop.core.aggregate import Aggregate
from eventshop.core.message_registry import Registry
from eventshop.core.messages import Command, Event, Name
from eventshop.core.personal_fields import Personal, Redacted

PERSON: Final = UUID("00000000-0000-4000-8000-00000000bad6")
MARKER: Final = "Zz-Badge Marker"
_NAME: Final = Personal(of="person_id", purpose="badge")


class Rename(Command, frozen=True):
    person_id: UUID
    name: Annotated[Name, _NAME]


class Renamed(Event, frozen=True):
    """Somebody is called so from now on."""

    person_id: UUID
    name: Annotated[Name | Redacted, _NAME]


class Badge(Aggregate[Rename, Renamed], frozen=True):
    """What stands on somebody's badge."""

    name: Name | Redacted = "-"

    @staticmethod
    def id_of(command: Rename) -> UUID:
        return command.person_id

    def decide(self, command: Rename) -> list[Renamed]:
        return [Renamed(command.person_id, command.name)]

    def evolve(self, event: Renamed) -> Self:
        return replace(self, name=event.name)


badges: Final = Registry()
badges.add(Badge)
