"""A new key-encryption key: every personal key wrapped anew, a few at a time, while everything goes on."""

from __future__ import annotations

from typing import Final

from django.db import transaction

from eventshop.privacy.encryption import key_wrapping
from eventshop.privacy.encryption.keys_db_router import keys_database
from eventshop.privacy.models import PersonalKey

AT_ONCE: Final = 500


def rotate() -> int:
    """Wrap by the current key-encryption key what others have wrapped; how many keys.

    Raises `WrongKeyEncryptionKey` when a key is wrapped by one that the settings do not name.
    """
    done = 0
    while some := _some():
        done += some
    return done


def _some() -> int:
    with transaction.atomic(using=keys_database()):
        others = PersonalKey.objects.exclude(wrapped_by=key_wrapping.current()).select_for_update()
        rows = list(others.order_by("pk")[:AT_ONCE])
        for row in rows:
            secret = key_wrapping.unwrap(bytes(row.wrapped), row.wrapped_by, row.subject, row.purpose)
            row.wrapped = key_wrapping.wrap(secret, row.subject, row.purpose)
            row.wrapped_by = key_wrapping.current()
        PersonalKey.objects.bulk_update(rows, ["wrapped", "wrapped_by"])
    return len(rows)
