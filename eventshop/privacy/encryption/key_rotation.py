"""Rotation of the key-encryption key: wraps every personal key again, in small batches, while the system is running.

Secrets of tables are encrypted again, too.
"""

from __future__ import annotations

from typing import Final

from django.db import transaction

from eventshop.privacy.encryption import key_wrapping, stored_secrets
from eventshop.privacy.encryption.keys_db_router import keys_database
from eventshop.privacy.models import PersonalKey

BATCH_SIZE: Final = 500


def rotate_keys() -> int:
    """Wrap all keys and secrets of former key-encryption keys with the current one; gives their number.

    Raises `WrongKeyEncryptionKey` if the settings lack the key-encryption key of one of them.
    """
    count = stored_secrets.rotate_secrets()
    while batch := _rotate_batch():
        count += batch
    return count


def _rotate_batch() -> int:
    with transaction.atomic(using=keys_database()):
        outdated = PersonalKey.objects.exclude(wrapped_by=key_wrapping.current_key_id()).select_for_update()
        rows = list(outdated.order_by("pk")[:BATCH_SIZE])
        for row in rows:
            secret = key_wrapping.unwrap_key(bytes(row.wrapped), row.wrapped_by, row.subject, row.purpose)
            row.wrapped = key_wrapping.wrap_key(secret, row.subject, row.purpose)
            row.wrapped_by = key_wrapping.current_key_id()
        PersonalKey.objects.bulk_update(rows, ["wrapped", "wrapped_by"])
    return len(rows)
