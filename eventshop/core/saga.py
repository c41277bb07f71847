"""The base class of every saga (process manager): a frozen value with `react` and `evolve`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar, Generic, Self, TypeAlias, TypeVar
from uuid import UUID

from msgspec import Struct

from eventshop.core.errors import InvalidMessage
from eventshop.core.messages import Command, Event, Meta, NonEmptyText

# --- messages to a saga, besides events --------------------------------------------------------------------------


class RefusedCommand(Struct, frozen=True):
    """A command of this saga was refused by the domain rules. `code` is the error's, `reason` is for people."""

    command: Command
    code: str
    reason: str


class TimerFired(Struct, frozen=True):
    """A timer of this saga fired."""

    name: NonEmptyText


class EffectResult(Struct, frozen=True, forbid_unknown_fields=True):
    """The result of an effect, given by its handler or reported from elsewhere (such as a webhook)."""


class CompensationRequested(Struct, frozen=True):
    """An operator requested the compensation of all steps done so far."""

    reason: NonEmptyText


# --- actions of a saga -------------------------------------------------------------------------------------------


class Effect(Struct, frozen=True, forbid_unknown_fields=True):
    """A call to an outside system. Its handler receives an idempotency key, the same for every retry."""


class StartTimer(Struct, frozen=True):
    """Send `TimerFired(name)` at `due`, or some time `after` this message. It replaces a timer of the same name."""

    name: NonEmptyText
    after: timedelta | None = None
    due: datetime | None = None

    def __post_init__(self) -> None:
        if (self.after is None) == (self.due is None):
            raise InvalidMessage(f"{self.name}: a timer needs either `after` or `due`, and not both")
        if self.due is not None and self.due.tzinfo is None:
            raise InvalidMessage(f"{self.name}: `due` needs a time zone")


class CancelTimer(Struct, frozen=True):
    """Cancel a timer; no effect if it has fired already."""

    name: NonEmptyText


SagaAction: TypeAlias = Command | Effect | StartTimer | CancelTimer
#: Every message that a saga can receive; each saga declares those that it handles.
SagaMessage: TypeAlias = Event | EffectResult | RefusedCommand | TimerFired | CompensationRequested

M = TypeVar("M")


class Saga(Struct, Generic[M], frozen=True):
    """`class Fulfilment(Saga[FulfilmentMessage], frozen=True)`; its defaults are the initial state.

    The union is the only list of its messages: the runner delivers those and no others. A saga reads no clock,
    creates no id and does no I/O. Each message is delivered once: the events of one aggregate in order, those of
    different aggregates in any order.
    """

    #: The name in tables and URLs; never changes once an instance has started.
    kind: ClassVar[str]
    #: Raised when the logic changes. An instance continues with the version that it started with.
    version: ClassVar[int] = 1
    #: Whether a saga that is added to a store in use also does what it would have done about the events of the past.
    acts_on_past: ClassVar[bool] = False

    @staticmethod
    def subject_of(event: Any) -> UUID | None:
        """Return the id of the subject that an event belongs to (one instance per subject), or None."""
        raise NotImplementedError

    @staticmethod
    def starts_with(event: Any, meta: Meta) -> bool:
        """Whether this event starts an instance where its subject has none."""
        raise NotImplementedError

    def react(self, message: M) -> Sequence[SagaAction]:
        """Return the actions, computed from the state before `evolve`. Any exception suspends the instance."""
        raise NotImplementedError

    def evolve(self, message: M) -> Self:
        """Return the state after a message."""
        raise NotImplementedError

    def awaits(self, effect: Any) -> bool:
        """Whether an effect that the saga asked for in its past, and that no event answers, is still to be done."""
        return True

    @property
    def ended(self) -> bool:
        """Whether the process is finished; later messages are still delivered."""
        raise NotImplementedError
