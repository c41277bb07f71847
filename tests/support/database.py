"""A database for tests with threads and processes: emptied before each test, past the store's append-only triggers."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection, connections, transaction

from eventshop.operations.access_log.writer import writer as access_log
from eventshop.privacy.encryption import personal_keys
from eventshop.runtime import counted_cache
from tests.support.waiting import DEADLINE_S
from trading.application.first_instruments import add_first_instruments

#: Tables that the migrations fill.
KEPT_TABLES = frozenset({"django_migrations", "django_content_type", "auth_permission"})
#: Ends of the names of tables that a rebuild makes, and of those that it keeps for a while.
COPIES = ("__rebuild", "__previous")
#: The bytes of a table whose rows PostgreSQL deletes one by one; they stay in its file until a larger one is truncated.
MOST_DELETED = 262_144


#: What is cached for seconds stays for a whole test, however slow: one that wants it measured again clears the cache.
counted_cache.RECENT_S = 3600.0


@pytest.fixture
def clean_database(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """Empty tables, real commits, and any number of connections."""
    with emptied_database(django_db_blocker):
        yield


@pytest.fixture(scope="module")
def module_database(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """As `clean_database`, but emptied once: for the tests of a module that all read the same rows."""
    with emptied_database(django_db_blocker):
        yield


@contextmanager
def emptied_database(django_db_blocker: Any) -> Iterator[None]:
    with django_db_blocker.unblock():
        # The reads of an earlier test, which may have been rolled back meanwhile, are not for this one.
        assert access_log.flush(DEADLINE_S)
        empty_tables()
        cache.clear()
        add_first_instruments()
        yield
        assert access_log.flush(DEADLINE_S)
        connections.close_all()


@pytest.fixture
def database_url(clean_database: None) -> str:
    """The DATABASE_URL of the test's database, for processes that the test starts."""
    return url_of_database()


def url_of_database() -> str:
    settings = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{settings['NAME']}?timeout={DEADLINE_S:.0f}"
    login = f"{settings['USER']}:{settings['PASSWORD']}@" if settings["USER"] else ""
    host, port = settings["HOST"], settings["PORT"]
    if str(host).startswith("/"):
        return f"postgres://{login}/{settings['NAME']}?host={host}"
    return f"postgres://{login}{host}:{port or 5432}/{settings['NAME']}"


def empty_tables() -> None:
    """Empty every table except the migrations', with the store's triggers disabled; ids start from 1 again."""
    personal_keys.key_cache.clear()
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            _empty_postgres(cursor)
        else:
            _empty_sqlite(cursor)


def _empty_postgres(cursor: Any) -> None:
    """Delete rows: to truncate a table takes a hundred times as long as to delete the few rows of a test."""
    cursor.execute(
        "SELECT relname, pg_relation_size(oid) FROM pg_class WHERE relnamespace = 'public'::regnamespace "
        "AND relkind = 'r' AND (pg_relation_size(oid) > 0 OR relname LIKE ANY (%s)) AND relname <> ALL (%s)",
        [[f"%{suffix}" for suffix in COPIES], list(KEPT_TABLES)],
    )
    sizes = dict(cursor.fetchall())
    statements = [f'DROP TABLE "{table}"' for table in sizes if table.endswith(COPIES)]
    sizes = {table: size for table, size in sizes.items() if not table.endswith(COPIES)}
    statements += [f'DELETE FROM "{table}"' for table, size in sizes.items() if size <= MOST_DELETED]
    if large := [f'"{table}"' for table, size in sizes.items() if size > MOST_DELETED]:
        statements.append(f"TRUNCATE {', '.join(large)} CASCADE")
    with transaction.atomic():
        cursor.execute("; ".join(["SET LOCAL session_replication_role = replica", *statements]))
        # Sequences too that only a rolled-back transaction used.
        cursor.execute(
            "SELECT setval(format('%%I.%%I', schemaname, sequencename)::regclass, start_value, false) "
            "FROM pg_sequences WHERE last_value IS NOT NULL AND sequencename <> ALL (%s)",
            [[f"{name}_id_seq" for name in KEPT_TABLES]],
        )


def _tables_with_rows(cursor: Any) -> list[str]:
    tables = [name for name in connection.introspection.table_names(cursor) if name not in KEPT_TABLES]
    selects = [f"""SELECT '{table}' WHERE EXISTS (SELECT 1 FROM "{table}")""" for table in tables]
    cursor.execute(" UNION ALL ".join(selects))
    return [name for (name,) in cursor.fetchall()]


def _empty_sqlite(cursor: Any) -> None:
    cursor.execute("PRAGMA foreign_keys = OFF")
    with transaction.atomic():
        for table in connection.introspection.table_names(cursor):
            if table.endswith(COPIES):
                cursor.execute(f'DROP TABLE "{table}"')
        if filled := _tables_with_rows(cursor):
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


def dump_database() -> str:
    """Every row of every table as text; binary columns are decoded as Latin-1."""
    return "\n".join(dump_tables().values())


def dump_tables() -> dict[str, str]:
    """The same by table."""
    with connection.cursor() as cursor:
        return {table: _dump_table(cursor, table) for table in connection.introspection.table_names(cursor)}


def _dump_table(cursor: Any, table: str) -> str:
    cursor.execute(f'SELECT * FROM "{table}"')
    values = chain.from_iterable(cursor.fetchall())
    return "\n".join(bytes(v).decode("latin-1") if isinstance(v, bytes | memoryview) else str(v) for v in values)


def count_round_trips(call: Callable[[], object]) -> int:
    """Count the round trips to PostgreSQL that a call makes on this thread's connection."""
    raw = connection.connection.pgconn
    with tempfile.TemporaryFile() as trace:
        raw.trace(trace.fileno())
        try:
            call()
        finally:
            raw.untrace()
        trace.seek(0)
        return trace.read().decode().count("ReadyForQuery")
