"""A new key-encryption key: every personal key wrapped anew, a few at a time, while everything goes on."""

from __future__ import annotations

from typing import Final

from django.db import transaction

from eventshop.privacy.encryption import key_wrapping
from eventshop.privacy.encryption.keys_db_router import keys_database
from eventshop.privacy.models import PersonalKey

BATCH_SIZE: Final = 500


def rotate_keys() -> int:
    """Wrap by the current key-encryption key what others have wrapped; how many keys.

    Raises `WrongKeyEncryptionKey` when a key is wrapped by one that the settings do not name.
    """
    count = 0
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
