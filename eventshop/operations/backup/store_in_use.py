"""Whether anybody uses the store: a restore under a program that runs would mix two pasts."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

from django.apps import apps
from django.db import connection, connections
from django.db.models import Model

from eventshop.operations.worker_health import worker_processes
from eventshop.privacy.encryption.keys_db_router import keys_database
from eventshop.runtime.leases import is_unleased
from eventshop.runtime.models import WorkerProcess


def users_of_the_store() -> list[str]:
    """Who uses the store at the moment, in words; empty if nobody does."""
    tables = set(connection.introspection.table_names())
    users = [*_live_workers(tables), *_live_leases(tables)]
    for alias in {"default", keys_database()}:
        users += _postgres_clients(alias) if connections[alias].vendor == "postgresql" else _sqlite_clients(alias)
    return users


@contextmanager
def stay_connected() -> Iterator[None]:
    """Use the store, so that no other restore begins meanwhile, also between two of this one's connections."""
    own = connection.copy()
    own.introspection.table_names()
    try:
        yield
    finally:
        own.close()


def _live_workers(tables: set[str]) -> Iterator[str]:
    if WorkerProcess._meta.db_table in tables:
        processes: Any = worker_processes()
        yield from (f"worker process {process.owner}" for process in processes if not process.is_silent)


def _live_leases(tables: set[str]) -> Iterator[str]:
    """Leases that have not expired: of a relay, a projection, a saga's partition, a periodic job, an erasure."""
    for model in _leased_models():
        if model._meta.db_table in tables:
            rows = model._default_manager.exclude(is_unleased())
            for owner in sorted(set(rows.values_list("owner", flat=True))):
                yield f"{owner}, which has a lease in {model._meta.db_table}"


def _leased_models() -> list[type[Model]]:
    return [
        model
        for model in apps.get_models()
        if {"owner", "leased_until"} <= {field.name for field in model._meta.get_fields()}
    ]


def _postgres_clients(alias: str) -> Iterator[str]:
    with connections[alias].cursor() as cursor:
        cursor.execute(
            "SELECT pid, coalesce(usename, ''), coalesce(nullif(application_name, ''), 'no application name'), "
            "coalesce(client_addr::text, 'this machine') FROM pg_stat_activity WHERE datname = current_database() "
            "AND backend_type = 'client backend' AND pid <> pg_backend_pid() ORDER BY pid"
        )
        rows: list[Any] = cursor.fetchall()
    for pid, user, application, client in rows:
        yield f"process {pid} of PostgreSQL ({user}, {application}, client {client})"


def _sqlite_clients(alias: str) -> Iterator[str]:
    """In WAL mode every connection shares a lock on the file, and exclusive mode is refused while there is another."""
    connections[alias].close()
    with closing(sqlite3.connect(connections[alias].settings_dict["NAME"], timeout=0)) as probe:
        try:
            probe.execute("PRAGMA locking_mode = EXCLUSIVE")
            probe.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            yield f"another connection to {connections[alias].settings_dict['NAME']} ({error})"
