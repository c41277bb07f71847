"""A small aggregate with rules, for tests of the engine: a tally that opens, counts and closes."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TypeAlias, assert_never
from uuid import UUID

from eventshop.core.aggregate import Aggregate
from eventshop.core.errors import CommandRefused
from eventshop.core.message_registry import MessageRegistry
from eventshop.core.messages import Command, Event, Instant, NonEmptyText
from eventshop.core.money import Money


class TallyClosed(CommandRefused):
    """The tally is closed."""

    code = "tally-closed"


class Open(Command, frozen=True):
    tally_id: UUID
    name: NonEmptyText


class Count(Command, frozen=True):
    tally_id: UUID
    amount: Money
    times: int = 1


class Close(Command, frozen=True):
    tally_id: UUID
    at: Instant


class Opened(Event, frozen=True):
    tally_id: UUID
    name: NonEmptyText


class Counted(Event, frozen=True):
    tally_id: UUID
    amount: Money


class Closed(Event, frozen=True):
    tally_id: UUID
    at: Instant


class Noted(Event, frozen=True):
    """A fact of any size."""

    text: str


TallyCommand: TypeAlias = Open | Count | Close
TallyEvent: TypeAlias = Opened | Counted | Closed | Noted


class Tally(Aggregate[TallyCommand, TallyEvent], frozen=True):
    name: str = ""
    total: Decimal = Decimal(0)
    closed: bool = False

    @staticmethod
    def id_of(command: TallyCommand) -> UUID:
        return command.tally_id

    def decide(self, command: TallyCommand) -> list[TallyEvent]:
        match command:
            case Open() as command if not self.name:
                return [Opened(tally_id=command.tally_id, name=command.name)]
            case Count() as command if self.name and not self.closed:
                return [Counted(tally_id=command.tally_id, amount=command.amount)] * command.times
            case Close() as command if self.closed:
                return []
            case Close() as command:
                return [Closed(tally_id=command.tally_id, at=command.at)]
            case _:
                raise TallyClosed()

    def evolve(self, event: TallyEvent) -> Tally:
        match event:
            case Opened(name=name):
                return Tally(name, self.total, self.closed)
            case Counted(amount=amount):
                return Tally(self.name, self.total + amount.amount, self.closed)
            case Closed():
                return Tally(self.name, self.total, True)
            case Noted():
                return self
            case _:
                assert_never(event)


tallies = MessageRegistry()
tallies.add(Tally)


def pounds(amount: str) -> Money:
    return Money(Decimal(amount), "GBP")


NOON = datetime.fromisoformat("2026-01-31T12:00:00+00:00")
