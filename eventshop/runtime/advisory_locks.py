"""PostgreSQL's advisory locks, held until the end of the transaction.

SQLite needs none: there a writing transaction locks the whole database.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final
from zlib import crc32

from django.db import DEFAULT_DB_ALIAS, connections

_TAKE_EXCLUSIVE: Final = "SELECT pg_advisory_xact_lock(%s, number) FROM unnest(%s::int[]) AS number"
_TAKE_SHARED: Final = "SELECT pg_advisory_xact_lock_shared(%s, number) FROM unnest(%s::int[]) AS number"


def lock_number(name: bytes) -> int:
    """The second half of the key of a lock that is identified by `name`, as a signed 32-bit number."""
    return crc32(name) - 2**31


def lock_sql(namespace: int, number: int) -> str:
    """The statement that takes one exclusive lock, to be sent together with other statements."""
    return f"SELECT pg_advisory_xact_lock({namespace}, {number})"


def take_locks(
    namespace: int, numbers: Collection[int], *, shared: bool = False, using: str = DEFAULT_DB_ALIAS
) -> None:
    """Wait for all these locks, in ascending order, so that no two transactions deadlock. One statement.

    `namespace` is the first half of each key: every kind of lock has its own.
    """
    connection = connections[using]
    if connection.vendor != "postgresql" or not numbers:
        return
    statement = _TAKE_SHARED if shared else _TAKE_EXCLUSIVE
    with connection.cursor() as cursor:
        cursor.execute(statement, [namespace, sorted(set(numbers))])
