"""What sagas are about to hear: written down once each, in the transaction of whatever it came from."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db import transaction

from eventshop.core.deterministic_ids import derive_id
from eventshop.eventstore.backends import bulk_sql
from eventshop.sagas import wake_signals
from eventshop.sagas.models import InboxMessage, Timer

#: Into how many parts all sagas fall; each is worked on by one worker at a time.
PARTITIONS: Final = 16


def partition_for(saga_id: UUID) -> int:
    return saga_id.int % PARTITIONS


def saga_id_for(kind: str, subject_id: UUID) -> UUID:
    """The one saga of a kind that tells a subject's story."""
    return derive_id("saga", subject_id, kind)


def add_messages(inputs: Sequence[InboxMessage]) -> None:
    """Write inputs down; one that is there already is there once."""
    if inputs:
        bulk_sql.insert_rows(inputs, ignore_existing=True)
        transaction.on_commit(wake_signals.inbox.set)


def add_timer_messages(fired: Sequence[Timer], now: datetime) -> None:
    """Tell sagas that times they waited for have come."""
    add_messages(
        [
            InboxMessage(
                saga_id=row.saga_id,
                slot=partition_for(row.saga_id),
                what=InboxMessage.Kind.TIMER,
                name=row.name,
                cause_id=derive_id("saga-timer", row.saga_id, int(row.due_at.timestamp() * 1_000_000), row.name),
                heard_at=now,
            )
            for row in fired
            if row.saga_id is not None
        ]
    )
