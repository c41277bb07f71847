"""The inbox of the sagas: each message is written once, in the transaction that it results from."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Final, NamedTuple
from uuid import UUID

from django.db import connection

from eventshop.core.deterministic_ids import derive_id
from eventshop.eventstore.backends import bulk_sql
from eventshop.eventstore.backends.bulk_sql import filter_literally
from eventshop.runtime.wake_signals import Channel, wake
from eventshop.sagas.models import InboxMessage, Timer

#: Number of partitions of the sagas; one worker at a time processes the sagas of a partition.
PARTITIONS: Final = 16


def partition_for(saga_id: UUID) -> int:
    return saga_id.int % PARTITIONS


@lru_cache(10_000)  # every event of a subject asks for it
def saga_id_for(kind: str, subject_id: UUID) -> UUID:
    """The id of the only saga of a kind for a subject."""
    return derive_id("saga", subject_id, kind)


class WaitingMessage(NamedTuple):
    """What the runner reads of a message that waits: a tuple takes a fraction of the time of a model instance."""

    pk: int
    saga_id: UUID
    what: str
    name: str
    cause_id: UUID
    position: int | None
    payload: str
    heard_at: datetime
    traceparent: str  # of what it answers; an event has its own


#: Every signal asks for it: built by the ORM, the statement took a third of the time of a worker's sagas.
_SELECT_WAITING: Final = f"""
SELECT id, {", ".join(WaitingMessage._fields[1:])} FROM {InboxMessage._meta.db_table}
WHERE state = 'waiting' AND slot = ANY(%s) AND saga_id <> ALL(%s) ORDER BY id LIMIT %s
"""


def read_waiting(partitions: Collection[int], limit: int, leave_out: Collection[UUID] = ()) -> list[WaitingMessage]:
    """The oldest messages that wait in these partitions, in order, except of some sagas. One statement."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(_SELECT_WAITING, [list(partitions), list(leave_out), limit])
            return [WaitingMessage._make(row) for row in cursor.fetchall()]
    waiting = filter_literally(InboxMessage, "state = 'waiting'").filter(slot__in=partitions).order_by("pk")
    if leave_out:
        waiting = waiting.exclude(saga_id__in=leave_out)
    return [WaitingMessage._make(row) for row in waiting.values_list(*WaitingMessage._fields)[:limit]]


def add_messages(messages: Sequence[InboxMessage]) -> None:
    """Insert messages; one with the same saga and cause as an existing one is ignored."""
    if messages:
        bulk_sql.insert_rows(messages, ignore_existing=True)
        wake(Channel.INBOX)


def add_timer_messages(timers: Sequence[Timer], now: datetime) -> None:
    """Insert a message for each fired timer that belongs to a saga."""
    add_messages(
        [
            InboxMessage(
                saga_id=timer.saga_id,
                slot=partition_for(timer.saga_id),
                what=InboxMessage.Kind.TIMER,
                name=timer.name,
                cause_id=derive_id("saga-timer", timer.saga_id, int(timer.due_at.timestamp() * 1_000_000), timer.name),
                heard_at=now,
                traceparent=timer.traceparent,
            )
            for timer in timers
            if timer.saga_id is not None
        ]
    )
