"""A database that tests may fill with threads and processes, emptied before each: the store itself refuses to."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection, connections

from eventshop.privacy import keys


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
    """Empty every table but the migrations, the triggers of the store put aside meanwhile."""
    keys.memory.clear()
    kept = {"django_migrations", "django_content_type", "auth_permission"}
    tables = [name for name in connection.introspection.table_names() if name not in kept]
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            listed = ", ".join(f'"{name}"' for name in tables)
            cursor.execute("SET session_replication_role = replica")
            cursor.execute(f"TRUNCATE {listed} RESTART IDENTITY CASCADE")
            cursor.execute("SET session_replication_role = origin")
            return
        cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
        triggers = cursor.fetchall()
        for name, _ in triggers:
            cursor.execute(f'DROP TRIGGER "{name}"')
        cursor.execute("PRAGMA foreign_keys = OFF")
        for table in tables:
            cursor.execute(f'DELETE FROM "{table}"')
        cursor.execute("DELETE FROM sqlite_sequence")
        cursor.execute("PRAGMA foreign_keys = ON")
        for _, sql in triggers:
            cursor.execute(sql)


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
