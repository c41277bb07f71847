"""The shape of every saga: a frozen value that hears what happened, reacts with steps, and evolves."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar, Generic, Self, TypeAlias, TypeVar
from uuid import UUID

from msgspec import Struct

from eventshop.core.errors import InvalidMessage
from eventshop.core.messages import Command, Event, Meta, Name

# --- what a saga hears beside events -----------------------------------------------------------------------------


class Refused(Struct, frozen=True):
    """The rules refused a command of this saga. `code` is the error's, `reason` is for people."""

    command: Command
    code: str
    reason: str


class TimedOut(Struct, frozen=True):
    """A time that this saga waited for has come."""

    name: Name


class Answer(Struct, frozen=True, forbid_unknown_fields=True):
    """What came of an effect, told by its handler or by whoever heard of it otherwise."""


class CompensationAsked(Struct, frozen=True):
    """A person wants this undone as far as it has come."""

    reason: Name


# --- what a saga does --------------------------------------------------------------------------------------------


class Effect(Struct, frozen=True, forbid_unknown_fields=True):
    """Something done outside, by a handler that gets a key for it: done again under the same key, it is done once."""


class Wait(Struct, frozen=True):
    """Hear `TimedOut(name)` at a moment, or some time after what is reacted to. A second one of a name replaces it."""

    name: Name
    after: timedelta | None = None
    due: datetime | None = None

    def __post_init__(self) -> None:
        if (self.after is None) == (self.due is None):
            raise InvalidMessage(f"{self.name}: wait for a time after this, or until a moment")
        if self.due is not None and self.due.tzinfo is None:
            raise InvalidMessage(f"{self.name}: a moment needs its time zone")


class StopWaiting(Struct, frozen=True):
    """Do not hear of that time any more; nothing if it has come already."""

    name: Name


Step: TypeAlias = Command | Effect | Wait | StopWaiting
#: Everything any saga may hear; each declares the part it knows.
Heard: TypeAlias = Event | Answer | Refused | TimedOut | CompensationAsked

H = TypeVar("H")


class Saga(Struct, Generic[H], frozen=True):
    """`class Fulfilment(Saga[FulfilmentHears], frozen=True)`; its defaults are the state before anything.

    The union is the one list of what it hears: the runner delivers those events and no other. Nothing here reads a
    clock, makes an id or does I/O. Each thing is heard once: events of one aggregate in their order, those of
    several aggregates in any order.
    """

    #: What it is called in tables and addresses; never changes once one has started.
    kind: ClassVar[str]
    #: Counts the ways it has been written. One that has started goes on as the version it started with.
    version: ClassVar[int] = 1

    @staticmethod
    def subject_of(event: Any) -> UUID | None:
        """Whose story an event is part of: of one subject there is one saga. None: of nobody's."""
        raise NotImplementedError

    @staticmethod
    def starts_with(event: Any, meta: Meta) -> bool:
        """Whether a story that nobody tells yet begins with this event."""
        raise NotImplementedError

    def react(self, heard: H) -> Sequence[Step]:
        """What is to be done about it, asked of the state before `evolve`. Whatever it raises makes the saga stuck."""
        raise NotImplementedError

    def evolve(self, heard: H) -> Self:
        """The state after it."""
        raise NotImplementedError

    @property
    def ended(self) -> bool:
        """Whether nothing more is to be done; it still hears what comes later."""
        raise NotImplementedError
