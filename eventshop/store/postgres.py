"""What the store says to PostgreSQL: prepared, binary, one round trip each (mechanics 3.6)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import psycopg
from django.db import DatabaseError, connection

from eventshop.core.errors import TailBusy
from eventshop.store.rows import (
    EVENT_COLUMNS,
    RECEIPT_COLUMNS,
    SELECT_EVENT,
    SELECT_RECEIPT,
    Past,
    ReceiptRow,
    Row,
    columns,
)

if TYPE_CHECKING:
    from typing import LiteralString

#: Events and the receipt of an earlier try in one answer; a receipt comes as a row of the same shape with version -1.
HISTORY: Final = """
SELECT version, event_type, payload, hash, aggregate_type, schema_version FROM event WHERE aggregate_id = %b
UNION ALL
SELECT -1, '', '', ''::bytea, '', 0 FROM receipt WHERE command_id = %b
"""

APPEND: Final = """
SELECT append_events(
    %b::uuid[], %b::text[], %b::int[], %b::text[], %b::bytea[], %b::uuid, %b::text, %b::int, %b::timestamptz,
    %b::timestamptz, %b::uuid, %b::uuid, %b::uuid, %b::int, %b::uuid, %b::text, %b::text, %b::text, %b::bytea,
    %b::int, %b::int
)
"""

APPEND_MANY: Final = f"""
INSERT INTO event ({", ".join(EVENT_COLUMNS)}) SELECT * FROM unnest(
    %b::uuid[], %b::uuid[], %b::text[], %b::text[], %b::int[], %b::int[], %b::timestamptz[], %b::timestamptz[],
    %b::uuid[], %b::uuid[], %b::uuid[], %b::int[], %b::uuid[], %b::text[], %b::text[], %b::text[], %b::bytea[]
)
RETURNING position
"""
RECEIVE_MANY: Final = f"""
INSERT INTO receipt ({", ".join(RECEIPT_COLUMNS)}) SELECT * FROM unnest(
    %b::uuid[], %b::text[], %b::bytea[], %b::uuid[], %b::text[], %b::int[], %b::int[], %b::bigint[], %b::text[],
    %b::timestamptz[]
)
"""


def run(sql: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
    """Run one prepared statement on Django's own connection, inside its transaction if there is one.

    Django's cursor binds on the client, which rules out prepared statements. Errors come out as Django's.
    """
    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        statement: LiteralString = sql
        cursor.execute(statement, parameters, prepare=True, binary=True)
        return cursor.fetchall() if cursor.description else []


def history(aggregate_id: UUID, command_id: UUID) -> tuple[bool, list[Past]]:
    """Whether the command has a receipt, and the aggregate's past in order."""
    rows = run(HISTORY, (aggregate_id, command_id))
    if len(rows) > 1:
        rows.sort(key=lambda row: row[0])
    seen = bool(rows) and rows[0][0] < 0
    return seen, [Past(*row) for row in rows[seen:]]


def histories(aggregate_ids: Sequence[UUID]) -> list[tuple[UUID, Past]]:
    rows = run(
        "SELECT aggregate_id, version, event_type, payload, hash, aggregate_type, schema_version "
        "FROM event WHERE aggregate_id = ANY(%s) ORDER BY aggregate_id, version",
        (list(aggregate_ids),),
    )
    return [(row[0], Past(*row[1:])) for row in rows]


def receipts(command_ids: Sequence[UUID]) -> list[ReceiptRow]:
    return [ReceiptRow(*row) for row in run(f"{SELECT_RECEIPT} WHERE command_id = ANY(%s)", (list(command_ids),))]


def append(rows: Sequence[Row], receipt: ReceiptRow) -> int:
    """Write one command's events and receipt; gives the last event's position."""
    if not rows:
        run(RECEIVE_MANY, columns([receipt], len(receipt)))
        return receipt.position
    first = rows[0]
    [(position,)] = run(
        APPEND,
        (
            [row.event_id for row in rows],
            [row.event_type for row in rows],
            [row.schema_version for row in rows],
            [row.payload for row in rows],
            [row.hash for row in rows],
            first.aggregate_id,
            first.aggregate_type,
            first.version,
            first.occurred_at,
            first.recorded_at,
            first.correlation_id,
            first.causation_id,
            first.saga_id,
            first.sequence_number,
            first.command_id,
            first.actor,
            first.metadata,
            receipt.command_type,
            receipt.payload_hash,
            receipt.version,
            receipt.events,
        ),
    )
    return int(position)


def append_many(rows: Sequence[Row]) -> list[int]:
    """Write the events of many commands in order; gives their positions."""
    return [position for (position,) in run(APPEND_MANY, columns(rows, len(EVENT_COLUMNS)))] if rows else []


def receive_many(rows: Sequence[ReceiptRow]) -> None:
    if rows:
        run(RECEIVE_MANY, columns(rows, len(RECEIPT_COLUMNS)))


def select(where: str, parameters: Sequence[Any]) -> list[Row]:
    """Events by a condition of ours (never of a user's)."""
    return [Row(*row) for row in run(f"{SELECT_EVENT} {where}", parameters)]


def horizon(after: int) -> int:
    """The position up to which nothing can appear any more; `after` when there is nothing new.

    The exclusive lock waits out every writer in flight (mechanics 3.4); raises `TailBusy` after 100 ms of waiting,
    because writers queue behind a waiting fence.
    """
    try:
        [(position,)] = run("SELECT tail_horizon(%s)", (after,))
    except DatabaseError as error:
        if isinstance(error.__cause__, psycopg.errors.LockNotAvailable | psycopg.errors.DeadlockDetected):
            raise TailBusy from error
        raise
    return int(position)


def violated(error: Exception) -> str:
    """The name of the constraint a database error is about; empty if it is about none."""
    cause = error.__cause__
    return (cause.diag.constraint_name or "") if isinstance(cause, psycopg.Error) else ""
