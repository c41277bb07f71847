"""Encrypts secrets that a table must give back, such as keys of authenticator apps, with the key-encryption key.

The format is the beginning of the id of the key-encryption key, a colon, and the base64 of nonce and ciphertext: 77
characters for 20 bytes. What the secret belongs to is authenticated (AAD): no row can be put in place of another.
"""

from __future__ import annotations

import os
from binascii import a2b_base64, b2a_base64
from collections.abc import Callable
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.db import transaction
from django.db.models import Model
from msgspec import Struct

from eventshop.privacy.encryption.key_wrapping import NONCE_BYTES, WrongKeyEncryptionKey, current_key_id, keys_by_id

_ID_LENGTH: Final = 12
_BATCH: Final = 500


class SecretColumn(Struct, frozen=True):
    """A column of encrypted secrets. `owner_of` gives what the secret of a row belongs to."""

    model: type[Model]
    name: str
    owner_of: Callable[[Any], str]


_columns: Final[list[SecretColumn]] = []
register = _columns.append


def encrypt_secret(secret: bytes, owner: str) -> str:
    nonce = os.urandom(NONCE_BYTES)
    sealed = nonce + AESGCM(settings.KEY_ENCRYPTION_KEYS[0]).encrypt(nonce, secret, owner.encode())
    return f"{_prefix(current_key_id())}{b2a_base64(sealed, newline=False).decode()}"


def decrypt_secret(text: str, owner: str) -> bytes:
    """Raises `WrongKeyEncryptionKey` if no key of the settings decrypts it for this owner."""
    key_id, _, content = text.partition(":")
    try:
        [key] = (key for full_id, key in keys_by_id().items() if full_id.startswith(key_id))
        sealed = a2b_base64(content, strict_mode=True)
        return AESGCM(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], owner.encode())
    except (InvalidTag, ValueError):
        raise WrongKeyEncryptionKey(encrypted_by=key_id, owner=owner) from None


def rotate_secrets() -> int:
    """Encrypt all secrets of former key-encryption keys with the current one; gives their number."""
    return sum(_rotate_column(column) for column in _columns)


def _rotate_column(column: SecretColumn) -> int:
    outdated = column.model._default_manager.exclude(**{f"{column.name}__startswith": _prefix(current_key_id())})
    count = 0
    while rows := _rotate_batch(column, outdated):
        count += rows
    return count


def _rotate_batch(column: SecretColumn, outdated: Any) -> int:
    with transaction.atomic():
        rows = list(outdated.select_for_update().order_by("pk")[:_BATCH])
        for row in rows:
            owner = column.owner_of(row)
            setattr(row, column.name, encrypt_secret(decrypt_secret(getattr(row, column.name), owner), owner))
        column.model._default_manager.bulk_update(rows, [column.name])
    return len(rows)


def _prefix(key_id: str) -> str:
    return f"{key_id[:_ID_LENGTH]}:"
