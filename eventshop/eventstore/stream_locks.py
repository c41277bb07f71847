"""Locks of streams: a writer that has lost several times keeps every other writer off until it has appended.

Every append takes the locks of its streams in shared mode, before the lock of the tail reader's fence: a single command
in the function `event_follows` of the database, a batch with `lock_streams`. SQLite has one writer at a time anyway.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final
from uuid import UUID

from eventshop.runtime.advisory_locks import take_locks

#: The first half of the advisory lock's key ("EVST"); the second stands for a stream. As in migration 0007.
LOCK_NAMESPACE: Final = 0x45565354
#: Number of different locks, a power of two. Streams that share one wait without need while it is held exclusively;
#: more locks fill PostgreSQL's lock table.
LOCK_COUNT: Final = 4_096


def lock_streams(aggregate_ids: Iterable[UUID], *, exclusive: bool) -> None:
    """Wait for the locks of these streams and hold them until this transaction ends. One statement.

    `exclusive` keeps every other writer off these streams; shared locks only wait for such a one.
    """
    take_locks(LOCK_NAMESPACE, {_lock_number(aggregate_id) for aggregate_id in aggregate_ids}, shared=not exclusive)


def _lock_number(aggregate_id: UUID) -> int:
    """The lock of a stream: the last bits of its id, which are random or a digest."""
    return aggregate_id.int % LOCK_COUNT
