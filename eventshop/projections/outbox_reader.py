"""Read the outbox in the order of its positions, up to the horizon below which no position can appear any more."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple

import psycopg
from django.db import DatabaseError, connection

from eventshop.core.errors import TailBusy
from eventshop.eventstore.open_appends import Fence, Stall, StallReporter

#: The first record is read however large it is; further ones as long as the sum of the values stays below the limit.
_NEXT: Final = """
SELECT position, topic, key, value, headers, created_at
FROM (
    SELECT *, sum(octet_length(value)) OVER (
        ORDER BY position ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    ) AS before
    FROM (
        SELECT * FROM projections_outgoing WHERE position > %s AND position <= %s ORDER BY position LIMIT %s
    ) AS next
) AS counted
WHERE before IS NULL OR before < %s
ORDER BY position
"""


#: The fence of the outbox ("EVSO"), as in migration 0001.
OUTBOX_FENCE: Final = Fence("projections_outgoing", 0x4556534F)

_stall: Final = Stall(StallReporter(OUTBOX_FENCE))


class OutboxRow(NamedTuple):
    """One record of the outbox."""

    position: int
    topic: str
    key: str
    value: bytes | None
    headers: str
    created_at: datetime


def read_rows(*, after: int, horizon: int, limit: int, max_bytes: int) -> Sequence[OutboxRow]:
    """At most `limit` records, with about `max_bytes` of values, from behind `after` up to the horizon."""
    with connection.cursor() as cursor:
        cursor.execute(_NEXT, [after, horizon, limit, max_bytes])
        return [OutboxRow(*row) for row in cursor.fetchall()]


def read_horizon(after: int) -> int:
    """The highest readable position. Raises `TailBusy` after waiting 100 ms for writers.

    If that goes on for seconds, the transactions that keep the horizon from advancing are logged.
    """
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT outgoing_horizon(%s)", [after])
            horizon = int(cursor.fetchone()[0])
    except DatabaseError as error:
        if isinstance(error.__cause__, psycopg.errors.LockNotAvailable | psycopg.errors.DeadlockDetected):
            _stall.go_on()
            raise TailBusy from error
        raise
    _stall.end()
    return horizon


def last_assigned_position() -> int:
    """The last position that this database has ever assigned."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_sequence_last_value(pg_get_serial_sequence('projections_outgoing', 'position'))")
        return int(cursor.fetchone()[0] or 0)
