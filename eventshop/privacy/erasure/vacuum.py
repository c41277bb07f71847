"""The space that personal data stood in: databases leave old versions of rows in their files until they need the room.

A destroyed key that still lies in a file, wrapped, is not destroyed for whoever has the key-encryption key. So after
erasures the tables that held something are written anew, at night: each is locked while that lasts. What stays beyond
our reach is the write-ahead log. It counts as a backup: keep it for a short time, with `wal_recycle = off`.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from django.db import connections
from django.utils import timezone

from eventshop.privacy.encryption.keys_db_router import keys_database
from eventshop.privacy.erasure import personal_data_holders
from eventshop.privacy.models import Claim, ErasedPerson, Erasure, PersonalKey


def vacuum_personal_data_tables() -> list[str]:
    """Write every table anew that holds or held personal data or keys; which ones."""
    vacuumed = []
    for alias, table in _personal_data_tables():
        connection = connections[alias]
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute(f'VACUUM (FULL) "{table}"')
            vacuumed.append(table)
    for alias in {"default", keys_database()}:
        connection = connections[alias]
        with connection.cursor() as cursor:
            # SQLite overwrites what it deletes (PRAGMA secure_delete); its log of changes is emptied here.
            cursor.execute("CHECKPOINT" if connection.vendor == "postgresql" else "PRAGMA wal_checkpoint(TRUNCATE)")
    return vacuumed


def is_due(period: timedelta) -> bool:
    """Whether anybody was erased within a period."""
    return Erasure.objects.filter(moved_at__gte=timezone.now() - period).exists()


def _personal_data_tables() -> Iterator[tuple[str, str]]:
    for table in (PersonalKey._meta.db_table, ErasedPerson._meta.db_table):
        yield keys_database(), table
    for table in (Claim._meta.db_table, Erasure._meta.db_table, *personal_data_holders.clear_text_tables()):
        yield "default", table
