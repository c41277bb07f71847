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

from eventshop.privacy.encryption.keys_db_router import keys_database
from eventshop.runtime.advisory_locks import lock_number, take_locks

#: The first half of the keys of the advisory locks ("EVPK" and "EVPC").
KEY_CREATION_LOCK: Final = 0x4556504B
CLEAR_TEXT_LOCK: Final = 0x45565043


def block_erasure_of(subjects: Iterable[UUID]) -> None:
    """Block erasures of these persons until the transaction ends; for creating their keys."""
    numbers = {lock_number(subject.bytes) for subject in subjects}
    take_locks(KEY_CREATION_LOCK, numbers, shared=True, using=keys_database())


def block_all_erasures() -> None:
    """Block all erasures until the transaction ends; for writing personal data that was read in clear."""
    take_locks(CLEAR_TEXT_LOCK, [0], shared=True, using=keys_database())


def lock_for_erasure(subjects: Iterable[UUID]) -> None:
    """Block the creation of these persons' keys, and writes of personal data in clear, until the transaction ends."""
    take_locks(CLEAR_TEXT_LOCK, [0], using=keys_database())
    take_locks(KEY_CREATION_LOCK, {lock_number(subject.bytes) for subject in subjects}, using=keys_database())
