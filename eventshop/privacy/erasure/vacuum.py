"""Rewrites the tables that held personal data, as databases leave old versions of rows in their files.

A wrapped key that is still in a file can be recovered by anybody who has the key-encryption key. So in the night after
an erasure these tables are rewritten; each is locked meanwhile. The write-ahead log is not rewritten. It counts as a
backup: keep it for a short time, with `wal_recycle = off`.
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
    """Rewrite every table that holds or held personal data or keys; gives their names."""
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
            # SQLite overwrites what it deletes (PRAGMA secure_delete); here its write-ahead log is emptied.
            cursor.execute("CHECKPOINT" if connection.vendor == "postgresql" else "PRAGMA wal_checkpoint(TRUNCATE)")
    return vacuumed


def is_due(period: timedelta) -> bool:
    """Whether a person was erased within the last `period`."""
    return Erasure.objects.filter(moved_at__gte=timezone.now() - period).exists()


def _personal_data_tables() -> Iterator[tuple[str, str]]:
    for table in (PersonalKey._meta.db_table, ErasedPerson._meta.db_table):
        yield keys_database(), table
    for table in (Claim._meta.db_table, Erasure._meta.db_table, *personal_data_holders.clear_text_tables()):
        yield "default", table
