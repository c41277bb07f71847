"""What the store says to SQLite: the same questions and answers as `postgres`, for the embedded mode."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from django.db import connection

from eventshop.eventstore.hash_chain import chain
from eventshop.eventstore.records import (
    EVENT_COLUMNS,
    RECEIPT_COLUMNS,
    SELECT_EVENT,
    SELECT_RECEIPT,
    SNAPSHOT,
    Linked,
    Past,
    ReceiptRow,
    Row,
)

#: SQLite names the columns of a violated UNIQUE constraint, not the constraint.
_CONSTRAINTS: Final = {
    "UNIQUE constraint failed: event.aggregate_id, event.version": "event_version_once",
    "UNIQUE constraint failed: event.event_id": "event_id_once",
    "UNIQUE constraint failed: receipt.command_id": "receipt_pkey",
}

_PAST: Final = "version, event_type, payload, hash, aggregate_type, schema_version"
_SNAPSHOT: Final = f"version, '{SNAPSHOT}' || fingerprint, state, hash, aggregate_type, 0"


def run(sql: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
    with connection.wrap_database_errors:
        return _raw().execute(sql, parameters).fetchall()


def history(aggregate_id: UUID, command_id: UUID) -> tuple[bool, list[Past]]:
    """Whether the command has a receipt, and the aggregate's past in order."""
    seen = run("SELECT 1 FROM receipt WHERE command_id = ?", (command_id.hex,))
    rows = run(f"SELECT {_SNAPSHOT} FROM snapshot WHERE aggregate_id = ?", (aggregate_id.hex,))
    after = rows[0][0] if rows else 0
    rows += run(
        f"SELECT {_PAST} FROM event WHERE aggregate_id = ? AND version > ? ORDER BY version", (aggregate_id.hex, after)
    )
    return bool(seen), [Past(*row) for row in rows]


def histories(aggregate_ids: Sequence[UUID], *, snapshots: bool = True) -> list[tuple[UUID, Past]]:
    """The pasts of many, by aggregate and version; from their snapshots on, where they have one and it is wanted."""
    ids = aggregate_ids if snapshots else ()
    rows = _in(f"SELECT aggregate_id, {_SNAPSHOT} FROM snapshot WHERE aggregate_id IN", ids)
    begin = {row[0]: row[1] for row in rows}
    events = _in(f"SELECT aggregate_id, {_PAST} FROM event WHERE aggregate_id IN", aggregate_ids)
    rows += [row for row in events if row[1] > begin.get(row[0], 0)]
    return sorted(((UUID(hex=row[0]), Past(*row[1:])) for row in rows), key=lambda pair: (pair[0], pair[1].version))


def receipts(command_ids: Sequence[UUID]) -> list[ReceiptRow]:
    return [_receipt(row) for row in _in(f"{SELECT_RECEIPT} WHERE command_id IN", command_ids)]


def append(rows: Sequence[Row], receipt: ReceiptRow, follows: bytes) -> int:
    """Write one command's events and receipt; gives the last event's position.

    `follows` is the hash of the event before them. Here they were decided under the write lock, so it is that.
    """
    positions = append_many(rows)
    position = positions[-1] if positions else receipt.position
    receive_many([receipt._replace(position=position)])
    return position


def append_many(rows: Sequence[Row]) -> list[int]:
    """Write the events of many commands in order; gives their positions."""
    if not rows:
        return []
    with connection.wrap_database_errors:
        raw = _raw()
        raw.executemany(_insert("event", EVENT_COLUMNS), (_written(row[:-1]) for row in rows))
        # One writer at a time and AUTOINCREMENT: the rows of one statement run are neighbours.
        [last] = raw.execute("SELECT last_insert_rowid()").fetchone()
    return list(range(last - len(rows) + 1, last + 1))


def receive_many(rows: Sequence[ReceiptRow]) -> None:
    with connection.wrap_database_errors:
        _raw().executemany(_insert("receipt", RECEIPT_COLUMNS), (_written(row) for row in rows))


def select(where: str, parameters: Sequence[Any]) -> list[Row]:
    """Events by a condition of ours (never of a user's), with %s for parameters as on PostgreSQL."""
    sql = f"{SELECT_EVENT} {where}".replace("%s", "?")
    return [_row(row) for row in run(sql, tuple(_written(parameters)))]


def links(after: tuple[UUID, int], to: UUID, limit: int) -> list[Linked]:
    """Events behind a stream and version, up to the end of a stream, by stream and version."""
    where = "WHERE (aggregate_id, version) > (%s, %s) AND aggregate_id <= %s ORDER BY aggregate_id, version LIMIT %s"
    return [
        Linked(
            row.aggregate_id,
            row.version,
            row.hash,
            chain.text(row),
            row.position,
            row.event_id,
            row.aggregate_type,
            row.event_type,
        )
        for row in select(where, (*after, to, limit))
    ]


def horizon(after: int) -> int:
    """The newest position: with a single writer, nothing can appear below it."""
    [(position,)] = run("SELECT COALESCE(MAX(position), 0) FROM event", ())
    return max(int(position), after)


def violated(error: Exception) -> str:
    """The name of the constraint a database error is about; empty if it is about none."""
    text = str(error)
    return _CONSTRAINTS.get(text, text.partition(":")[0] if text.startswith("event_") else "")


def _raw() -> sqlite3.Connection:
    connection.ensure_connection()
    raw: sqlite3.Connection = connection.connection
    return raw


def _insert(table: str, names: Sequence[str]) -> str:
    return f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"


def _in(sql: str, ids: Sequence[UUID]) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = []
    for start in range(0, len(ids), 500):  # SQLite takes 32,766 parameters at most; older builds 999
        some = ids[start : start + 500]
        found += run(f"{sql} ({', '.join('?' * len(some))})", [item.hex for item in some])
    return found


def _written(values: Iterable[Any]) -> list[Any]:
    """As Django writes them: ids as 32 hexadecimal digits, times as text in UTC without their zone."""
    return [_WRITERS[type(value)](value) if type(value) in _WRITERS else value for value in values]


def _moment(value: datetime) -> str:
    return value.astimezone(UTC).replace(tzinfo=None).isoformat(sep=" ", timespec="microseconds")


_WRITERS: Final[dict[type, Callable[[Any], str]]] = {UUID: lambda value: value.hex, datetime: _moment}


def _time(moment: datetime) -> datetime:
    # Django's connection already parses columns declared as datetime.
    return moment.replace(tzinfo=UTC)


def _id(text: str | None) -> UUID | None:
    return None if text is None else UUID(hex=text)


def _row(row: tuple[Any, ...]) -> Row:
    ids = UUID(hex=row[0]), UUID(hex=row[1])
    times = _time(row[6]), _time(row[7])
    story = UUID(hex=row[8]), _id(row[9]), _id(row[10]), row[11], UUID(hex=row[12])
    return Row._make([*ids, *row[2:6], *times, *story, *row[13:]])


def _receipt(row: tuple[Any, ...]) -> ReceiptRow:
    return ReceiptRow._make([UUID(hex=row[0]), *row[1:3], UUID(hex=row[3]), *row[4:9], _time(row[9])])
