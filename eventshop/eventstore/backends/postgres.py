"""The PostgreSQL backend: statements in binary format, one round trip each; those of single commands are prepared."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any, Final
from uuid import UUID

import psycopg
from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections

from eventshop.core.errors import TailBusy
from eventshop.eventstore.backends import postgres_prepared
from eventshop.eventstore.backends import postgres_statements as statements
from eventshop.eventstore.backends.postgres_prepared import BINARY, TEXT, Statement
from eventshop.eventstore.command_receipts import ReceiptRow
from eventshop.eventstore.records import (
    BEGINNING,
    EVENT_COLUMNS,
    RECEIPT_COLUMNS,
    SELECT_EVENT,
    SELECT_HASHES,
    SELECT_RECEIPT,
    SELECT_RECORDED_LATE,
    ChainLink,
    EventRow,
    HistoryEntry,
    OpenAppend,
    StoredHash,
    to_columns,
)

_HISTORY: Final = Statement(b"store_history", statements.HISTORY.encode(), [BINARY, BINARY])
_BINARY: Final = ("uuid", "bytea")  # as `postgres_prepared.encode_parameter` sends them
_APPEND_ONE: Final = Statement(
    b"store_append_one",
    statements.APPEND_ONE.encode(),
    [BINARY if kind in _BINARY else TEXT for kind in re.findall(r"::(\w+)", statements.APPEND_ONE)],
)


def execute(sql: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
    """Run a statement on Django's connection, inside its transaction if there is one; return the rows.

    Not prepared: after a rollback psycopg deallocates all prepared statements, those of `postgres_prepared` too; and a
    look-up of many keys that was planned for a small table reads the whole table ever after. Raises Django's errors.
    """
    django = connections[DEFAULT_DB_ALIAS]
    with django.wrap_database_errors:
        return _cursor(django).execute(sql, parameters, prepare=False, binary=True).fetchall()


def _cursor(django: Any) -> psycopg.Cursor[tuple[Any, ...]]:
    """Return the cursor of this connection, reused because creating one takes as long as a small statement."""
    django.ensure_connection()
    cursor: psycopg.Cursor[tuple[Any, ...]] | None = getattr(django, "store_cursor", None)
    if cursor is None or cursor.connection is not django.connection:
        cursor = django.store_cursor = psycopg.Cursor(django.connection)
    return cursor


def load_history(aggregate_id: UUID, command_id: UUID) -> tuple[bool, list[HistoryEntry]]:
    """Return whether the command has a receipt, and the aggregate's history in order."""
    if django := postgres_prepared.connection_outside_transaction():
        rows = _decode_history(
            postgres_prepared.execute_prepared(django, _HISTORY, (aggregate_id.bytes, command_id.bytes))
        )
    else:
        rows = [
            _to_history_entry(row)
            for row in execute(_placeholders(statements.HISTORY), (*[aggregate_id] * 3, command_id))
        ]
    if len(rows) > 1:
        rows.sort(key=lambda row: row.version)
    is_replay = bool(rows) and rows[0].version < 0
    return is_replay, rows[is_replay:]


def _decode_history(result: Any) -> list[HistoryEntry]:
    value, number, text = result.get_value, postgres_prepared.decode_int, postgres_prepared.decode_text
    time = postgres_prepared.decode_time
    return [
        HistoryEntry(
            number(value(row, 0)),
            text(value(row, 1)),
            text(value(row, 2)),
            value(row, 3),
            text(value(row, 4)),
            number(value(row, 5)),
            time(value(row, 6)) or BEGINNING,
        )
        for row in range(result.ntuples)
    ]


def _to_history_entry(row: tuple[Any, ...]) -> HistoryEntry:
    return HistoryEntry._make([*row[:6], row[6] or BEGINNING])


@cache
def _placeholders(sql: str) -> str:
    """The statement as psycopg takes it: %b for $1, $2 …, which stand in order."""
    return re.sub(r"\$\d+", "%b", sql)


def load_histories(aggregate_ids: Sequence[UUID], *, snapshots: bool = True) -> list[tuple[UUID, HistoryEntry]]:
    """The pasts of many, by aggregate and version; from their snapshots on, where they have one and it is wanted."""
    sql, ids = (statements.HISTORIES, 2) if snapshots else (statements.WHOLE_HISTORIES, 1)
    return [(row[0], _to_history_entry(row[1:])) for row in execute(sql, (list(aggregate_ids),) * ids)]


def load_receipts(command_ids: Sequence[UUID]) -> list[ReceiptRow]:
    return [ReceiptRow(*row) for row in execute(f"{SELECT_RECEIPT} WHERE command_id = ANY(%s)", (list(command_ids),))]


def append_command(rows: Sequence[EventRow], receipt: ReceiptRow, previous_hash: bytes) -> int:
    """Insert one command's events and receipt; return the position of the last event.

    `previous_hash` is the hash of the event that they follow: the stream must still end with that event.
    """
    if not rows:
        insert_receipts([receipt])
        return receipt.position
    first = rows[0]
    common_values = (
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
        previous_hash,
    )
    if len(rows) == 1:
        return _append_one(
            (first.event_id, first.event_type, first.schema_version, first.payload, first.hash, *common_values)
        )
    event_arrays = (
        [row.event_id for row in rows],
        [row.event_type for row in rows],
        [row.schema_version for row in rows],
        [row.payload for row in rows],
        [row.hash for row in rows],
    )
    [(position,)] = execute(statements.APPEND, (*event_arrays, *common_values))
    return int(position)


def _append_one(values: Sequence[Any]) -> int:
    if django := postgres_prepared.connection_outside_transaction():
        return postgres_prepared.decode_int(
            postgres_prepared.execute_prepared(
                django, _APPEND_ONE, [postgres_prepared.encode_parameter(value) for value in values]
            ).get_value(0, 0)
        )
    [(position,)] = execute(_placeholders(statements.APPEND_ONE), values)
    return int(position)


def append_events(rows: Sequence[EventRow]) -> list[int]:
    """Insert the events of many commands in order; return their positions."""
    return (
        [position for (position,) in execute(statements.APPEND_MANY, to_columns(rows, len(EVENT_COLUMNS)))]
        if rows
        else []
    )


def insert_receipts(rows: Sequence[ReceiptRow]) -> None:
    if rows:
        execute(statements.RECEIVE_MANY, to_columns(rows, len(RECEIPT_COLUMNS)))


def select_events(where: str, parameters: Sequence[Any]) -> list[EventRow]:
    """Select events by a literal SQL condition (never of a user's)."""
    return [EventRow(*row) for row in execute(f"{SELECT_EVENT} {where}", parameters)]


def load_hashes(positions: Sequence[int]) -> list[StoredHash]:
    """Load the hashes of the events at these positions."""
    sql = f"{SELECT_HASHES} WHERE event.position = ANY(%s)"
    return [StoredHash(*row) for row in execute(sql, (list(positions),))]


def load_versions_recorded_late(time: datetime) -> list[tuple[UUID, int]]:
    """Load the streams whose times go backwards at a time, with the first version that was recorded after it."""
    return [(row[0], row[1]) for row in execute(SELECT_RECORDED_LATE, (time,) * 3)]


def load_chain_links(after: tuple[UUID, int], to_stream: UUID, limit: int) -> list[ChainLink]:
    """Load events after a stream and version, up to the end of `to_stream`, by stream and version."""
    return [ChainLink(*row) for row in execute(statements.LINKS, (*after, to_stream, limit))]


def read_horizon(after: int) -> int:
    """Return the position up to which no event can appear any more; `after` when there is nothing new.

    The fence is an exclusive lock that waits for every writer in progress. Raises `TailBusy` after 100 ms, because
    new writers queue behind a waiting fence.
    """
    try:
        [(position,)] = execute("SELECT tail_horizon(%s)", (after,))
    except DatabaseError as error:
        if isinstance(error.__cause__, psycopg.errors.LockNotAvailable | psycopg.errors.DeadlockDetected):
            raise TailBusy from error
        raise
    return int(position)


def load_open_appends(fence_lock: int, min_age_s: float) -> list[OpenAppend]:
    """Load the transactions that hold a fence's lock as writers and are open for this long, the oldest first."""
    return [OpenAppend(*row) for row in execute(statements.OPEN_APPENDS, (fence_lock, min_age_s))]


def violated_constraint(error: Exception) -> str:
    """Return the name of the constraint that a database error reports, or an empty text."""
    cause = error.__cause__
    return (cause.diag.constraint_name or "") if isinstance(cause, psycopg.Error) else ""


def is_deadlock(error: Exception) -> bool:
    """Whether a database error ended this transaction because two waited for each other."""
    return isinstance(error.__cause__, psycopg.errors.DeadlockDetected)
