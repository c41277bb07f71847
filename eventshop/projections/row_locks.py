"""Workers on different partitions may meet in a row that several aggregates share: they take turns."""

from __future__ import annotations

from typing import Any, Final
from zlib import crc32

from django.db import connection

from eventshop.eventstore.unit_of_work import RELAXED_COMMIT_SQL
from eventshop.projections.projection import Projection

#: The first half of the advisory lock's key ("EVPT"); the second is the table.
LOCK: Final = 0x45565054


def begin_batch(projection: Projection[Any], table: str) -> None:
    """What a batch says first in its transaction: it is its turn, and its commit need not wait. One round trip."""
    _say(RELAXED_COMMIT_SQL, *_turn(projection, table))


def lock_shared_rows(projection: Projection[Any], table: str) -> None:
    """Until this transaction ends, no other one folds into these rows; to be taken before any checkpoint.

    Locking the rows themselves would not do: two workers can both find that a row does not exist yet. On SQLite the
    transaction has the whole database already.
    """
    _say(*_turn(projection, table))


def _turn(projection: Projection[Any], table: str) -> list[str]:
    """The lock for rows that several aggregates share."""
    if not projection.shared_rows:
        return []
    return [f"SELECT pg_advisory_xact_lock({LOCK}, {crc32(table.encode()) - 2**31})"]


def _say(*statements: str) -> None:
    if statements and connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("; ".join(statements))
