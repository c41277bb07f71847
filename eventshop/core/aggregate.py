"""The shape of every aggregate: a frozen value that decides and evolves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Generic, Self, TypeVar
from uuid import UUID

from msgspec import Struct

from eventshop.core.messages import Command, Event

C = TypeVar("C", bound=Command)
E = TypeVar("E", bound=Event)


class Aggregate(Struct, Generic[C, E], frozen=True):
    """`class Order(Aggregate[OrderCommand, OrderEvent], frozen=True)`; its defaults are the state before anything.

    The two unions are the one list of what it takes and what it tells: mypy, the registry and the schema export
    read them. Nothing here reads a clock, makes an id or does I/O.
    """

    @staticmethod
    def id_of(command: C) -> UUID:
        """Which aggregate a command is for."""
        raise NotImplementedError

    def decide(self, command: C) -> Sequence[E]:
        """The facts that follow from a command, none if it is already so; raises `CommandRefused` otherwise."""
        raise NotImplementedError

    def evolve(self, event: E) -> Self:
        """The state after a fact. Cannot fail."""
        raise NotImplementedError

    def evolve_all(self, events: Iterable[E]) -> Self:
        state = self
        for event in events:
            state = state.evolve(event)
        return state
