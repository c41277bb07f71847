"""Who waits for whom while somebody is erased. SQLite needs none of it: a transaction there has the whole database.

Two advisory locks of PostgreSQL, taken in the database with the keys and held until its transaction ends:
one for each person, shared by whoever makes a key for them; one for all, shared by whoever writes personal data that it
has read in clear. Erasing takes both for itself: it waits for those in flight, and whoever comes later sees the marker.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final
from uuid import UUID
from zlib import crc32

from django.db import connections

from eventshop.privacy.encryption.keys_db_router import keys_database

#: The first half of the locks' keys ("EVPK" and "EVPC").
MAKING: Final = 0x4556504B
CLEAR: Final = 0x45565043


def nobody_erases(subjects: Iterable[UUID]) -> None:
    """Until this transaction ends, nobody erases one of these persons."""
    for number in sorted({_number(subject) for subject in subjects}):
        _lock("pg_advisory_xact_lock_shared", MAKING, number)


def clear_text_is_written() -> None:
    """Until this transaction ends, nobody is erased: what was read in clear may still be written."""
    _lock("pg_advisory_xact_lock_shared", CLEAR, 0)


def no_other_mints(subject: UUID) -> None:
    """Until this transaction ends, nobody makes a key for this person or writes personal data in clear."""
    _lock("pg_advisory_xact_lock", CLEAR, 0)
    _lock("pg_advisory_xact_lock", MAKING, _number(subject))


def _number(subject: UUID) -> int:
    return crc32(subject.bytes) - 2**31


def _lock(function: str, first: int, second: int) -> None:
    connection = connections[keys_database()]
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {function}(%s, %s)", [first, second])
