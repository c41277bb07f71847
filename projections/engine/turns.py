"""Workers on different partitions may meet in a row that several aggregates share: they take turns."""

from __future__ import annotations

from typing import Any, Final
from zlib import crc32

from django.db import connection

from projections.engine.projection import Projection

#: The first half of the advisory lock's key ("EVPT"); the second is the table.
LOCK: Final = 0x45565054


def wait_for_turn(projection: Projection[Any], table: str) -> None:
    """Until this transaction ends, no other one folds into these rows; to be taken before any checkpoint.

    Locking the rows themselves would not do: two workers can both find that a row does not exist yet. On SQLite the
    transaction has the whole database already.
    """
    if connection.vendor == "postgresql" and projection.shared_rows:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [LOCK, crc32(table.encode()) - 2**31])
