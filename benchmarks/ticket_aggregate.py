"""The measured aggregate: a support ticket that is opened, answered, closed. `eventsourcing_peer` has the same one."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import TypeAlias, assert_never
from uuid import UUID

from msgspec.structs import replace

from eventshop.core.aggregate import Aggregate
from eventshop.core.errors import CommandRefused
from eventshop.core.message_registry import MessageRegistry
from eventshop.core.messages import Command, Event, NonEmptyText, new_id
from eventshop.core.money import Money


class OpenTicket(Command, frozen=True):
    ticket_id: UUID
    subject: NonEmptyText
    deposit: Money


class AnswerTicket(Command, frozen=True):
    ticket_id: UUID
    text: NonEmptyText


class CloseTicket(Command, frozen=True):
    ticket_id: UUID
    reason: NonEmptyText


class TicketOpened(Event, frozen=True):
    ticket_id: UUID
    subject: NonEmptyText
    deposit: Money


class TicketAnswered(Event, frozen=True):
    ticket_id: UUID
    text: NonEmptyText


class TicketClosed(Event, frozen=True):
    ticket_id: UUID
    reason: NonEmptyText


TicketCommand: TypeAlias = OpenTicket | AnswerTicket | CloseTicket
TicketEvent: TypeAlias = TicketOpened | TicketAnswered | TicketClosed


class Ticket(Aggregate[TicketCommand, TicketEvent], frozen=True):
    """Open, answered any number of times, closed."""

    subject: str = ""
    answers: int = 0
    closed: bool = False

    @staticmethod
    def id_of(command: TicketCommand) -> UUID:
        return command.ticket_id

    def decide(self, command: TicketCommand) -> list[TicketEvent]:
        match command:
            case OpenTicket(ticket_id=ticket_id, subject=subject, deposit=deposit) if not self.subject:
                return [TicketOpened(ticket_id=ticket_id, subject=subject, deposit=deposit)]
            case AnswerTicket(ticket_id=ticket_id, text=text) if self.subject and not self.closed:
                return [TicketAnswered(ticket_id=ticket_id, text=text)]
            case CloseTicket(ticket_id=ticket_id, reason=reason) if self.subject and not self.closed:
                return [TicketClosed(ticket_id=ticket_id, reason=reason)]
            case _:
                raise CommandRefused("the ticket is not in the right state")

    def evolve(self, event: TicketEvent) -> Ticket:
        match event:
            case TicketOpened(subject=subject):
                return replace(self, subject=subject)
            case TicketAnswered():
                return replace(self, answers=self.answers + 1)
            case TicketClosed():
                return replace(self, closed=True)
            case _:
                assert_never(event)


tickets = MessageRegistry()
tickets.add(Ticket)

SUBJECT = "The parcel did not arrive at the address it was sent to"
TEXT = "We have asked the carrier and will tell you as soon as they answer"
DEPOSIT = Money(Decimal("12.50"), "GBP")


def ticket_commands() -> Iterator[TicketCommand]:
    """The three commands of one ticket."""
    ticket_id = new_id()
    yield OpenTicket(ticket_id=ticket_id, subject=SUBJECT, deposit=DEPOSIT)
    yield AnswerTicket(ticket_id=ticket_id, text=TEXT)
    yield CloseTicket(ticket_id=ticket_id, reason="solved")
