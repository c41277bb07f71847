"""A copy of the whole database, as a base backup is, and its return in place of the database as it is now."""

from __future__ import annotations

from typing import NamedTuple

from django.db import connection, transaction

from tests.support.database import KEPT_TABLES


class DatabaseCopy(NamedTuple):
    """The rows of every table, and the last value of every sequence."""

    tables: dict[str, bytes]
    sequences: dict[str, int | None]


def copy_database() -> DatabaseCopy:
    """PostgreSQL only."""
    tables = {}
    with transaction.atomic(), connection.cursor() as cursor:
        for name in connection.introspection.table_names(cursor):
            if name not in KEPT_TABLES:
                with cursor.copy(f'COPY "{name}" TO STDOUT (FORMAT binary)') as rows:
                    tables[name] = b"".join(rows)
        cursor.execute("SELECT format('%I.%I', schemaname, sequencename), last_value FROM pg_sequences")
        return DatabaseCopy(tables, dict(cursor.fetchall()))


def put_in_place(copy: DatabaseCopy) -> None:
    """Replace the database by an earlier copy of it, below the program and with its connections open."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        names = ", ".join(f'"{name}"' for name in copy.tables)
        cursor.execute(f"TRUNCATE {names}")
        for name, rows in copy.tables.items():
            with cursor.copy(f'COPY "{name}" FROM STDIN (FORMAT binary)') as target:
                target.write(rows)
        for name, value in copy.sequences.items():
            cursor.execute("SELECT setval(%s::regclass, %s, %s)", [name, value or 1, value is not None])
