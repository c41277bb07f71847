"""Locks on rows that several aggregates share: batches of different partitions that change them wait for each other."""

from __future__ import annotations

from typing import Any, Final

from django.db import connection

from eventshop.eventstore.unit_of_work import RELAXED_COMMIT_SQL
from eventshop.projections.projection import Projection
from eventshop.runtime.advisory_locks import lock_number, lock_sql

#: The first half of the advisory lock's key ("EVPT"); the second is the table.
LOCK: Final = 0x45565054


def begin_batch(projection: Projection[Any], table: str) -> None:
    """Begin a batch's transaction: relax its commit and take its lock, in one round trip."""
    _execute(RELAXED_COMMIT_SQL, *_lock_statements(projection, table))


def lock_shared_rows(projection: Projection[Any], table: str) -> None:
    """Keep other transactions from folding into these rows until this one ends; to be taken before any checkpoint.

    Row locks would not be enough: two workers can both find that a row does not exist yet. On SQLite a transaction
    locks the whole database already.
    """
    _execute(*_lock_statements(projection, table))


def _lock_statements(projection: Projection[Any], table: str) -> list[str]:
    """No statement for a projection whose rows each belong to one aggregate."""
    if not projection.shared_rows:
        return []
    return [lock_sql(LOCK, lock_number(table.encode()))]


def _execute(*statements: str) -> None:
    if statements and connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("; ".join(statements))
