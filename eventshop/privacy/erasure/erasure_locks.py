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
KEY_CREATION_LOCK: Final = 0x4556504B
CLEAR_TEXT_LOCK: Final = 0x45565043


def block_erasure_of(subjects: Iterable[UUID]) -> None:
    """Until this transaction ends, nobody erases one of these persons."""
    for number in sorted({_lock_number(subject) for subject in subjects}):
        _take_lock("pg_advisory_xact_lock_shared", KEY_CREATION_LOCK, number)


def block_all_erasures() -> None:
    """Until this transaction ends, nobody is erased: what was read in clear may still be written."""
    _take_lock("pg_advisory_xact_lock_shared", CLEAR_TEXT_LOCK, 0)


def lock_for_erasure(subject: UUID) -> None:
    """Until this transaction ends, nobody makes a key for this person or writes personal data in clear."""
    _take_lock("pg_advisory_xact_lock", CLEAR_TEXT_LOCK, 0)
    _take_lock("pg_advisory_xact_lock", KEY_CREATION_LOCK, _lock_number(subject))


def _lock_number(subject: UUID) -> int:
    return crc32(subject.bytes) - 2**31


def _take_lock(function: str, first: int, second: int) -> None:
    connection = connections[keys_database()]
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {function}(%s, %s)", [first, second])
