"""Imports existing events with their positions, ids, times and hashes into the event table of PostgreSQL.

The constraints of the table apply as for any append: no gap in a stream, no duplicate, no change. Only the positions of
a store that has forked are changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final
from uuid import UUID

from django.db import connection, transaction

from eventshop.eventstore.backends.postgres import execute, insert_receipts
from eventshop.eventstore.command_receipts import ReceiptRow
from eventshop.eventstore.event_append import StreamHead, translate_violations
from eventshop.eventstore.records import EventRow, to_columns
from eventshop.eventstore.stream_locks import lock_streams
from eventshop.runtime.wake_signals import Channel, wake

_EVENTS: Final = f"""
INSERT INTO event ({", ".join(EventRow._fields)}) SELECT * FROM unnest(
    %b::uuid[], %b::uuid[], %b::text[], %b::text[], %b::int[], %b::int[], %b::timestamptz[], %b::timestamptz[],
    %b::uuid[], %b::uuid[], %b::uuid[], %b::int[], %b::uuid[], %b::text[], %b::text[], %b::text[], %b::bytea[],
    %b::bigint[]
)
RETURNING 1
"""
_HEADS: Final = """
SELECT stream.id, head.version, head.hash FROM unnest(%b::uuid[]) AS stream(id), LATERAL (
    SELECT version, hash FROM event WHERE aggregate_id = stream.id ORDER BY version DESC LIMIT 1
) AS head
"""
_RESERVE: Final = """
SELECT setval(positions.sequence, greatest(%b::bigint, nextval(positions.sequence)))
FROM (SELECT pg_get_serial_sequence('event', 'position')::regclass) AS positions(sequence)
"""


def reserve_positions(position: int) -> None:
    """Reserve positions: every later append gets a higher position, also after a crash."""
    if position:
        execute(_RESERVE, (position,))


def read_stream_heads(aggregate_ids: Iterable[UUID]) -> dict[UUID, StreamHead]:
    """Return the heads of those streams that exist."""
    found = execute(_HEADS, (list(aggregate_ids),))
    return {aggregate_id: StreamHead(version, bytes(hash_)) for aggregate_id, version, hash_ in found}


def insert_events(rows: Sequence[EventRow], receipts: Sequence[ReceiptRow]) -> None:
    """Insert events and receipts, all or nothing; raises the errors of an append for a violated constraint."""
    if rows:
        with transaction.atomic(), translate_violations():
            lock_streams({row.aggregate_id for row in rows}, exclusive=False)
            execute(_EVENTS, to_columns(rows, len(EventRow._fields)))
            insert_receipts(receipts)
            wake(Channel.EVENTS)


def renumber_events(*, after: int, by: int) -> None:
    """Give all events after a position, and their receipts, positions that are higher by a number.

    Nobody may use the store meanwhile. Hashes stay right, as they do not cover positions. Only the owner of the tables
    can do it, in the transaction of the caller.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        for table in ("receipt", "event"):
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER {table}_no_change")
            cursor.execute(f"UPDATE {table} SET position = position + %s WHERE position > %s", [by, after])
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER {table}_no_change")
