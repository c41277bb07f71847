"""Advisory locks on streams: batches of several workers that append to the same stream wait for each other."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final
from zlib import crc32

from eventshop.runtime.advisory_locks import take_locks

#: The first half of the advisory lock's key ("EVPS"); the second stands for a stream.
LOCK_NAMESPACE: Final = 0x45565053
#: Number of different locks. Streams that share one wait without need; more locks fill PostgreSQL's lock table.
LOCK_COUNT: Final = 4_096


def lock_streams(streams: Collection[bytes]) -> None:
    """Keep other batches of sagas from appending to these streams until this transaction ends.

    The locks are taken in order, so that no two batches deadlock. They only save repeated decisions: the append's own
    version check keeps streams right, and single commands take no lock. SQLite has one writer anyway.
    """
    take_locks(LOCK_NAMESPACE, {crc32(stream) % LOCK_COUNT for stream in streams})
