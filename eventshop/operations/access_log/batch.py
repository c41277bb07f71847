"""Reads that wait to be written, and the rows that they become. Pages of a feed that follow each other are one row."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from time import monotonic
from typing import NamedTuple
from uuid import UUID

from eventshop.operations.models import AccessRecord
from eventshop.operations.staff_actors import staff_actors_of
from eventshop.runtime.database_clock import database_now


class PendingAccess(NamedTuple):
    """A read: the columns of its record but for the time, which is of this process's clock, and the staff actor.

    `login` is the key of a staff login, whose actor is looked up when the batch is written.
    """

    read_at_s: float
    actor: str
    door: str
    kind: str
    route: str
    login: int | None = None
    program: str = ""
    stream: UUID | None = None
    key: str = ""
    filters: str = ""
    first: int | None = None
    last: int | None = None
    rows: int | None = None
    request_id: UUID | None = None
    command_id: UUID | None = None

    def is_continued_by(self, other: PendingAccess) -> bool:
        """Whether the other one reads on where this one ended, in the same feed."""
        mine = (self.actor, self.program, self.door, self.kind, self.route, self.stream, self.filters)
        theirs = (other.actor, other.program, other.door, other.kind, other.route, other.stream, other.filters)
        return (
            self.kind == AccessRecord.Kind.FEED
            and mine == theirs
            and self.last is not None
            and other.first == self.last + 1
        )


def join_spans(batch: Iterable[PendingAccess]) -> list[PendingAccess]:
    """Join the pages of each feed; the row has the request of the last page."""
    joined: list[PendingAccess] = []
    newest: dict[tuple[str, str, str], int] = {}
    for access in batch:
        feed = (access.actor, access.program, access.filters)
        index = newest.get(feed)
        if index is not None and joined[index].is_continued_by(access):
            earlier = joined[index]
            rows = (earlier.rows or 0) + (access.rows or 0)
            joined[index] = access._replace(first=earlier.first, rows=rows)
            continue
        if access.kind == AccessRecord.Kind.FEED:
            newest[feed] = len(joined)
        joined.append(access)
    return joined


def build_records(batch: Sequence[PendingAccess]) -> list[AccessRecord]:
    """The rows of these reads: with the time by the database's clock, and the staff actors. Takes one query or two."""
    now, now_s = database_now(), monotonic()
    actors = staff_actors_of({access.login for access in batch if access.login is not None})
    records = []
    for access in join_spans(batch):
        columns = access._asdict()
        at = now - timedelta(seconds=now_s - columns.pop("read_at_s"))
        login = columns.pop("login")
        records.append(AccessRecord(**columns | {"at": at, "actor": actors.get(login, access.actor)}))
    return records
