"""Batches of several workers that meet in a stream take turns, instead of deciding again and again."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final
from zlib import crc32

from django.db import connection

#: The first half of the advisory lock's key ("EVPS"); the second stands for a stream.
LOCK_NAMESPACE: Final = 0x45565053
#: Streams that share a turn wait for each other without need; more of them take more of PostgreSQL's lock table.
LOCK_COUNT: Final = 4_096


def lock_streams(streams: Collection[bytes]) -> None:
    """Until this transaction ends, no other batch of sagas appends to these streams. Taken in order: nobody deadlocks.

    What keeps streams right is the append itself; single commands take no turns. SQLite has one writer anyway.
    """
    if connection.vendor != "postgresql" or not streams:
        return
    numbers = sorted({crc32(stream) % LOCK_COUNT for stream in streams})
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(%s, turn) FROM unnest(%s::int[]) AS turn", [LOCK_NAMESPACE, numbers]
        )
