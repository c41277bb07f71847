"""A database that tests may fill with threads and processes, emptied before each: the store itself refuses to."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection, connections, transaction

from eventshop.privacy.encryption import personal_keys

#: What the migrations have filled.
KEPT = frozenset({"django_migrations", "django_content_type", "auth_permission"})


@pytest.fixture
def clean_database(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """Every table empty, real commits, several connections allowed."""
    with django_db_blocker.unblock():
        empty()
        cache.clear()
        yield
        connections.close_all()


@pytest.fixture
def database_url(clean_database: None) -> str:
    """The DATABASE_URL of the test's database, for processes that the test starts."""
    return url_of_database()


def url_of_database() -> str:
    settings = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{settings['NAME']}"
    login = f"{settings['USER']}:{settings['PASSWORD']}@" if settings["USER"] else ""
    host, port = settings["HOST"], settings["PORT"]
    if str(host).startswith("/"):
        return f"postgres://{login}/{settings['NAME']}?host={host}"
    return f"postgres://{login}{host}:{port or 5432}/{settings['NAME']}"


def empty() -> None:
    """Empty every table but the migrations, the triggers of the store put aside meanwhile; ids count from 1 again."""
    personal_keys.memory.clear()
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            _empty_postgres(cursor)
        else:
            _empty_sqlite(cursor)


def _filled(cursor: Any) -> list[str]:
    """The tables with something in them. Every test asks, and most tables are empty: to truncate those took longer."""
    tables = [name for name in connection.introspection.table_names() if name not in KEPT]
    cursor.execute(" UNION ALL ".join(f"""SELECT '{it}' WHERE EXISTS (SELECT 1 FROM "{it}")""" for it in tables))
    return [name for (name,) in cursor.fetchall()]


def _empty_postgres(cursor: Any) -> None:
    with transaction.atomic():
        if filled := _filled(cursor):
            listed = ", ".join(f'"{name}"' for name in filled)
            cursor.execute("SET LOCAL session_replication_role = replica")
            cursor.execute(f"TRUNCATE {listed} RESTART IDENTITY CASCADE")
        # Those too that a transaction used which then came to nothing.
        cursor.execute(
            "SELECT setval(format('%%I.%%I', schemaname, sequencename)::regclass, start_value, false) "
            "FROM pg_sequences WHERE last_value IS NOT NULL AND sequencename <> ALL (%s)",
            [[f"{name}_id_seq" for name in KEPT]],
        )


def _empty_sqlite(cursor: Any) -> None:
    cursor.execute("PRAGMA foreign_keys = OFF")
    with transaction.atomic():
        if filled := _filled(cursor):
            cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
            triggers = cursor.fetchall()
            for name, _ in triggers:
                cursor.execute(f'DROP TRIGGER "{name}"')
            for table in filled:
                cursor.execute(f'DELETE FROM "{table}"')
            for _, sql in triggers:
                cursor.execute(sql)
        cursor.execute("DELETE FROM sqlite_sequence")
    cursor.execute("PRAGMA foreign_keys = ON")


def everything_stored() -> str:
    """Every row of every table as text, binary columns decoded as far as they go."""
    found: list[str] = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')
            for row in cursor.fetchall():
                found += [bytes(v).decode("latin-1") if isinstance(v, bytes | memoryview) else str(v) for v in row]
    return "\n".join(found)


def round_trips(of: Callable[[], object]) -> int:
    """How often something asked PostgreSQL on this thread's connection and waited for its answer."""
    raw = connection.connection.pgconn
    with tempfile.TemporaryFile() as trace:
        raw.trace(trace.fileno())
        try:
            of()
        finally:
            raw.untrace()
        trace.seek(0)
        return trace.read().decode().count("ReadyForQuery")
