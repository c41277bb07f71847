"""The locks that order erasures and writes. SQLite needs none: there a writing transaction locks the whole database.

They are two advisory locks of PostgreSQL in the keys database, held until its transaction ends. The first is per
person, and shared by transactions that create a key for that person. The second is global, and shared by transactions
that write personal data which they have read in clear. An erasure takes both exclusively: it waits for transactions in
flight, and later ones see that the person is erased.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final
from uuid import UUID
from zlib import crc32

from django.db import connections

from eventshop.privacy.encryption.keys_db_router import keys_database

#: The first half of the keys of the advisory locks ("EVPK" and "EVPC").
KEY_CREATION_LOCK: Final = 0x4556504B
CLEAR_TEXT_LOCK: Final = 0x45565043


def block_erasure_of(subjects: Iterable[UUID]) -> None:
    """Block erasures of these persons until the transaction ends; for creating their keys."""
    for number in sorted({_lock_number(subject) for subject in subjects}):
        _take_lock("pg_advisory_xact_lock_shared", KEY_CREATION_LOCK, number)


def block_all_erasures() -> None:
    """Block all erasures until the transaction ends; for writing personal data that was read in clear."""
    _take_lock("pg_advisory_xact_lock_shared", CLEAR_TEXT_LOCK, 0)


def lock_for_erasure(subject: UUID) -> None:
    """Block the creation of keys for this person, and writes of personal data in clear, until the transaction ends."""
    _take_lock("pg_advisory_xact_lock", CLEAR_TEXT_LOCK, 0)
    _take_lock("pg_advisory_xact_lock", KEY_CREATION_LOCK, _lock_number(subject))


def _lock_number(subject: UUID) -> int:
    return crc32(subject.bytes) - 2**31


def _take_lock(function: str, first: int, second: int) -> None:
    connection = connections[keys_database()]
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {function}(%s, %s)", [first, second])
