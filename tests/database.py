"""A database that tests may fill with threads and processes, emptied before each: the store itself refuses to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection, connections


@pytest.fixture
def clean_database(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """Every table empty, real commits, several connections allowed."""
    with django_db_blocker.unblock():
        empty()
        yield
        connections.close_all()


@pytest.fixture
def database_url(clean_database: None) -> str:
    """The DATABASE_URL of the test's database, for processes that the test starts."""
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
