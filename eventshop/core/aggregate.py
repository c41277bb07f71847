"""The base class of every aggregate: a frozen value with `decide` and `evolve`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar, Generic, Self, TypeVar
from uuid import UUID

from msgspec import Struct

from eventshop.core.messages import Command, Event

C = TypeVar("C", bound=Command)
E = TypeVar("E", bound=Event)


class Aggregate(Struct, Generic[C, E], frozen=True):
    """`class Order(Aggregate[OrderCommand, OrderEvent], frozen=True)`; its defaults are the initial state.

    The two unions are the only list of its commands and events: mypy, the message registry and the schema export
    read them. An aggregate reads no clock, creates no id and does no I/O.
    """

    #: Raised with every change of the state's fields or of `evolve`; snapshots of other versions are ignored.
    snapshot_version: ClassVar[int] = 1

    @staticmethod
    def id_of(command: C) -> UUID:
        """Return the id of the aggregate that a command addresses."""
        raise NotImplementedError

    def decide(self, command: C) -> Sequence[E]:
        """Return the events that a command leads to, empty if nothing changes; raises `CommandRefused`."""
        raise NotImplementedError

    def evolve(self, event: E) -> Self:
        """Return the state after an event. Must not fail."""
        raise NotImplementedError

    def evolve_all(self, events: Iterable[E]) -> Self:
        """Return the state after several events, applied in order."""
        state = self
        for event in events:
            state = state.evolve(event)
        return state
