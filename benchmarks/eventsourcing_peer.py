"""The same tickets with the library `eventsourcing`: load the aggregate, trigger an event, save it, per command."""

from __future__ import annotations

import os
from collections.abc import Callable
from decimal import Decimal
from urllib.parse import parse_qs, unquote, urlsplit
from uuid import UUID

from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event

from benchmarks.ticket_aggregate import DEPOSIT, SUBJECT, TEXT

#: Settings of `eventsourcing` that are passed on from the environment.
_SETTINGS = (
    "AGGREGATE_CACHE_MAXSIZE",
    "AGGREGATE_CACHE_FASTFORWARD",
    "DEEPCOPY_FROM_AGGREGATE_CACHE",
    "POSTGRES_ENABLE_DB_FUNCTIONS",
    "CREATE_TABLE",
)


class Ticket(Aggregate):
    @event("Opened")
    def __init__(self, subject: str, deposit: Decimal, currency: str) -> None:
        self.subject = subject
        self.deposit = deposit
        self.currency = currency
        self.answers = 0
        self.closed = False

    @event("Answered")
    def answer(self, text: str) -> None:
        self.answers += 1

    @event("Closed")
    def close(self, reason: str) -> None:
        self.closed = True


class Tickets(Application[UUID]):
    def open(self) -> UUID:
        ticket = Ticket(SUBJECT, DEPOSIT.amount, DEPOSIT.currency)
        self.save(ticket)
        return ticket.id

    def answer(self, ticket_id: UUID) -> None:
        ticket: Ticket = self.repository.get(ticket_id)
        ticket.answer(TEXT)
        self.save(ticket)

    def close_ticket(self, ticket_id: UUID) -> None:
        ticket: Ticket = self.repository.get(ticket_id)
        ticket.close("solved")
        self.save(ticket)


def peer_ticket(database_url: str, threads: int) -> Callable[[], None]:
    """A function that runs the three commands of one ticket on this database."""
    app = Tickets(env=library_settings(database_url, threads))

    def once() -> None:
        ticket_id = app.open()
        app.answer(ticket_id)
        app.close_ticket(ticket_id)

    return once


def library_settings(database_url: str, threads: int) -> dict[str, str]:
    url = urlsplit(database_url)
    settings = {name: os.environ[name] for name in _SETTINGS if name in os.environ}
    if url.scheme == "sqlite":
        return settings | {
            "PERSISTENCE_MODULE": "eventsourcing.sqlite",
            "SQLITE_DBNAME": f"{url.path.lstrip('/') and url.path}.peer",
        }
    host = parse_qs(url.query).get("host", [unquote(url.hostname or "")])[0]
    return settings | {
        "PERSISTENCE_MODULE": "eventsourcing.postgres",
        "POSTGRES_DBNAME": url.path.lstrip("/"),
        "POSTGRES_HOST": host,
        "POSTGRES_PORT": str(url.port or 5432),
        "POSTGRES_USER": unquote(url.username or ""),
        "POSTGRES_PASSWORD": unquote(url.password or "") or "unused",
        "POSTGRES_POOL_SIZE": str(threads),
        "POSTGRES_MAX_OVERFLOW": str(threads),
    }
