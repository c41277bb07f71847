"""The inbox of the sagas: each message is written once, in the transaction that it results from."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from eventshop.core.deterministic_ids import derive_id
from eventshop.eventstore.backends import bulk_sql
from eventshop.runtime.wake_signals import Channel, wake
from eventshop.sagas.models import InboxMessage, Timer

#: Number of partitions of the sagas; one worker at a time processes the sagas of a partition.
PARTITIONS: Final = 16


def partition_for(saga_id: UUID) -> int:
    return saga_id.int % PARTITIONS


def saga_id_for(kind: str, subject_id: UUID) -> UUID:
    """The id of the only saga of a kind for a subject."""
    return derive_id("saga", subject_id, kind)


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
            )
            for timer in timers
            if timer.saga_id is not None
        ]
    )
