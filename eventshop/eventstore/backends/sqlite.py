"""The SQLite backend, for the embedded mode; the same operations as `postgres`."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from django.db import connection

from eventshop.eventstore.command_receipts import ReceiptRow
from eventshop.eventstore.hash_chain import chain
from eventshop.eventstore.records import (
    BEGINNING,
    EVENT_COLUMNS,
    RECEIPT_COLUMNS,
    SELECT_EVENT,
    SELECT_HASHES,
    SELECT_RECEIPT,
    SELECT_RECORDED_LATE,
    SNAPSHOT_PREFIX,
    ChainLink,
    EventRow,
    HistoryEntry,
    OpenAppend,
    StoredHash,
)

#: SQLite reports the columns of a violated UNIQUE constraint, not its name.
_CONSTRAINTS: Final = {
    "UNIQUE constraint failed: event.aggregate_id, event.version": "event_version_once",
    "UNIQUE constraint failed: event.event_id": "event_id_once",
    "UNIQUE constraint failed: receipt.command_id": "receipt_pkey",
}

_HISTORY_COLUMNS: Final = "version, event_type, payload, hash, aggregate_type, schema_version, recorded_at"
_SNAPSHOT_COLUMNS: Final = (
    f"s.version, '{SNAPSHOT_PREFIX}' || s.fingerprint, s.state, s.hash, s.aggregate_type, 0, e.recorded_at"
)
_SNAPSHOTS: Final = (
    "snapshot AS s LEFT JOIN event AS e ON e.aggregate_id = s.aggregate_id AND e.version = s.version "
    "WHERE s.aggregate_id"
)


def execute(sql: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
    with connection.wrap_database_errors:
        return _raw_connection().execute(sql, parameters).fetchall()


def load_history(aggregate_id: UUID, command_id: UUID) -> tuple[bool, list[HistoryEntry]]:
    """Return whether the command has a receipt, and the aggregate's history in order."""
    receipt_rows = execute("SELECT 1 FROM receipt WHERE command_id = ?", (command_id.hex,))
    rows = execute(f"SELECT {_SNAPSHOT_COLUMNS} FROM {_SNAPSHOTS} = ?", (aggregate_id.hex,))
    after = rows[0][0] if rows else 0
    rows += execute(
        f"SELECT {_HISTORY_COLUMNS} FROM event WHERE aggregate_id = ? AND version > ? ORDER BY version",
        (aggregate_id.hex, after),
    )
    return bool(receipt_rows), [_to_history_entry(row) for row in rows]


def load_histories(aggregate_ids: Sequence[UUID], *, snapshots: bool = True) -> list[tuple[UUID, HistoryEntry]]:
    """Load many histories, by aggregate and version; each starts at its snapshot if it has one, unless excluded."""
    ids = aggregate_ids if snapshots else ()
    rows = _select_in(f"SELECT s.aggregate_id, {_SNAPSHOT_COLUMNS} FROM {_SNAPSHOTS} IN", ids)
    snapshot_versions = {row[0]: row[1] for row in rows}
    events = _select_in(f"SELECT aggregate_id, {_HISTORY_COLUMNS} FROM event WHERE aggregate_id IN", aggregate_ids)
    rows += [row for row in events if row[1] > snapshot_versions.get(row[0], 0)]
    return sorted(
        ((UUID(hex=row[0]), _to_history_entry(row[1:])) for row in rows), key=lambda pair: (pair[0], pair[1].version)
    )


def load_receipts(command_ids: Sequence[UUID]) -> list[ReceiptRow]:
    return [_to_receipt_row(row) for row in _select_in(f"{SELECT_RECEIPT} WHERE command_id IN", command_ids)]


def append_command(rows: Sequence[EventRow], receipt: ReceiptRow, previous_hash: bytes) -> int:
    """Insert one command's events and receipt; return the position of the last event.

    `previous_hash` needs no check here: the command was decided under the write lock.
    """
    positions = append_events(rows)
    position = positions[-1] if positions else receipt.position
    insert_receipts([receipt._replace(position=position)])
    return position


def append_events(rows: Sequence[EventRow]) -> list[int]:
    """Insert the events of many commands in order; return their positions."""
    if not rows:
        return []
    with connection.wrap_database_errors:
        raw = _raw_connection()
        raw.executemany(_insert_sql("event", EVENT_COLUMNS), (_to_sqlite_values(row[:-1]) for row in rows))
        # One writer at a time and AUTOINCREMENT: the positions of one executemany are consecutive.
        [last] = raw.execute("SELECT last_insert_rowid()").fetchone()
    return list(range(last - len(rows) + 1, last + 1))


def insert_receipts(rows: Sequence[ReceiptRow]) -> None:
    with connection.wrap_database_errors:
        _raw_connection().executemany(_insert_sql("receipt", RECEIPT_COLUMNS), (_to_sqlite_values(row) for row in rows))


def select_events(where: str, parameters: Sequence[Any]) -> list[EventRow]:
    """Select events by a literal SQL condition (never of a user's), with %s for parameters as on PostgreSQL."""
    sql = f"{SELECT_EVENT} {where}".replace("%s", "?")
    return [_to_event_row(row) for row in execute(sql, tuple(_to_sqlite_values(parameters)))]


def load_hashes(positions: Sequence[int]) -> list[StoredHash]:
    """Load the hashes of the events at these positions."""
    rows = _select_in(f"{SELECT_HASHES} WHERE event.position IN", positions)
    return [StoredHash(row[0], UUID(hex=row[1]), *row[2:]) for row in rows]


def load_versions_recorded_late(time: datetime) -> list[tuple[UUID, int]]:
    """Load the streams whose times go backwards at a time, with the first version that was recorded after it."""
    parameters = _to_sqlite_values((time,) * 3)
    return [(UUID(hex=row[0]), row[1]) for row in execute(SELECT_RECORDED_LATE.replace("%s", "?"), parameters)]


def load_chain_links(after: tuple[UUID, int], to_stream: UUID, limit: int) -> list[ChainLink]:
    """Load events after a stream and version, up to the end of `to_stream`, by stream and version."""
    where = "WHERE (aggregate_id, version) > (%s, %s) AND aggregate_id <= %s ORDER BY aggregate_id, version LIMIT %s"
    return [
        ChainLink(
            row.aggregate_id,
            row.version,
            row.hash,
            chain.canonical_text(row),
            row.position,
            row.event_id,
            row.aggregate_type,
            row.event_type,
        )
        for row in select_events(where, (*after, to_stream, limit))
    ]


def read_horizon(after: int) -> int:
    """Return the newest position: with a single writer, no event can appear below it."""
    [(position,)] = execute("SELECT COALESCE(MAX(position), 0) FROM event", ())
    return max(int(position), after)


def load_open_appends(fence_lock: int, min_age_s: float) -> list[OpenAppend]:
    """None: a transaction that stays open holds up other writers, which give up after a time, but no reader."""
    return []


def violated_constraint(error: Exception) -> str:
    """Return the name of the constraint that a database error reports, or an empty text."""
    text = str(error)
    return _CONSTRAINTS.get(text, text.partition(":")[0] if text.startswith("event_") else "")


def is_deadlock(error: Exception) -> bool:
    """Never: there is one writer at a time."""
    return False


def _raw_connection() -> sqlite3.Connection:
    connection.ensure_connection()
    raw: sqlite3.Connection = connection.connection
    return raw


def _insert_sql(table: str, names: Sequence[str]) -> str:
    return f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"


def _select_in(sql: str, ids: Sequence[UUID | int]) -> list[tuple[Any, ...]]:
    rows: list[tuple[Any, ...]] = []
    for start in range(0, len(ids), 500):  # SQLite allows at most 32,766 parameters; older builds 999
        chunk = ids[start : start + 500]
        rows += execute(f"{sql} ({', '.join('?' * len(chunk))})", _to_sqlite_values(chunk))
    return rows


def _to_sqlite_values(values: Iterable[Any]) -> list[Any]:
    """Convert values as Django does: ids to 32 hexadecimal digits, times to text in UTC without a time zone."""
    return [_WRITERS[type(value)](value) if type(value) in _WRITERS else value for value in values]


def _to_sqlite_datetime(value: datetime) -> str:
    return value.astimezone(UTC).replace(tzinfo=None).isoformat(sep=" ", timespec="microseconds")


_WRITERS: Final[dict[type, Callable[[Any], str]]] = {UUID: lambda value: value.hex, datetime: _to_sqlite_datetime}


def _to_utc(value: datetime) -> datetime:
    # Django's connection parses columns declared as datetime into naive values.
    return value.replace(tzinfo=UTC)


def _to_uuid(text: str | None) -> UUID | None:
    return None if text is None else UUID(hex=text)


def _to_event_row(row: tuple[Any, ...]) -> EventRow:
    ids = UUID(hex=row[0]), UUID(hex=row[1])
    times = _to_utc(row[6]), _to_utc(row[7])
    causality = UUID(hex=row[8]), _to_uuid(row[9]), _to_uuid(row[10]), row[11], UUID(hex=row[12])
    return EventRow._make([*ids, *row[2:6], *times, *causality, *row[13:]])


def _to_history_entry(row: tuple[Any, ...]) -> HistoryEntry:
    return HistoryEntry._make([*row[:6], BEGINNING if row[6] is None else _to_utc(row[6])])


def _to_receipt_row(row: tuple[Any, ...]) -> ReceiptRow:
    return ReceiptRow._make([UUID(hex=row[0]), *row[1:3], UUID(hex=row[3]), *row[4:9], _to_utc(row[9])])
