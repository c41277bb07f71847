"""Wraps personal keys with the key-encryption key from the settings, so that the database alone decrypts nothing."""

from __future__ import annotations

import os
from hashlib import sha256
from typing import Final
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.db import DatabaseError

from eventshop.core.errors import EventShopError
from eventshop.privacy.models import PersonalKey

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12


class WrongKeyEncryptionKey(EventShopError):
    """KEY_ENCRYPTION_KEY is not the key that the stored keys are wrapped with.

    Restore the right key, or add it to FORMER_KEY_ENCRYPTION_KEYS and run `manage.py rotate_keys`.
    """

    code = "wrong-key-encryption-key"


def key_id_of(key: bytes) -> str:
    """The id of a key-encryption key, which is stored with each key that it wraps."""
    return sha256(key).hexdigest()[:16]


def current_key_id() -> str:
    """The id of the key-encryption key that wraps new keys."""
    return key_id_of(settings.KEY_ENCRYPTION_KEYS[0])


def keys_by_id() -> dict[str, bytes]:
    """The settings' key-encryption keys by id: the current one, and former ones until `rotate_keys` has finished."""
    return {key_id_of(key): key for key in settings.KEY_ENCRYPTION_KEYS}


def refuse_wrong_key() -> None:
    """Raise `WrongKeyEncryptionKey` at start if stored keys are wrapped by a key that the settings lack.

    Nothing is checked while the database is down or not migrated.
    """
    try:
        wrapped_by = set(PersonalKey.objects.values_list("wrapped_by", flat=True).order_by().distinct())
    except DatabaseError:
        return
    if unknown := wrapped_by - keys_by_id().keys():
        raise WrongKeyEncryptionKey(wrapped_by="; ".join(sorted(unknown)), settings_have="; ".join(keys_by_id()))


def wrap_key(secret: bytes, subject: UUID, purpose: str) -> bytes:
    """Wrap a key with the current key-encryption key; gives nonce and ciphertext."""
    nonce = os.urandom(NONCE_BYTES)
    return nonce + AESGCM(settings.KEY_ENCRYPTION_KEYS[0]).encrypt(nonce, secret, _associated_data(subject, purpose))


def unwrap_key(wrapped: bytes, wrapped_by: str, subject: UUID, purpose: str) -> bytes:
    """The key in a wrapped one. Raises `WrongKeyEncryptionKey` if no key of the settings unwraps it."""
    try:
        return AESGCM(keys_by_id()[wrapped_by]).decrypt(
            wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], _associated_data(subject, purpose)
        )
    except (KeyError, InvalidTag):
        raise WrongKeyEncryptionKey(wrapped_by=wrapped_by, purpose=purpose) from None


def _associated_data(subject: UUID, purpose: str) -> bytes:
    return f"{subject}:{purpose}".encode()
