"""Encrypts a whole aggregate state under several keys: if any one of them is destroyed, the state is unreadable.

The format is `e1.`, the base64 of the keys' names, a full stop, and the base64 of the layers. For each key, in the
order of the names, a layer is a nonce and the encryption of the previous layer. Stream, version and all names are
authenticated (AAD).
"""

from __future__ import annotations

import os
from binascii import a2b_base64, b2a_base64
from collections.abc import Collection
from typing import Final
from uuid import UUID

import msgspec
from cryptography.exceptions import InvalidTag

from eventshop.eventstore.field_encryption import ENCRYPTED_STATE_PREFIX
from eventshop.privacy.encryption import personal_keys
from eventshop.privacy.encryption.key_wrapping import NONCE_BYTES
from eventshop.privacy.encryption.personal_keys import KeyName

_decode_names: Final = msgspec.json.Decoder(list[KeyName]).decode


def encrypt_state(state: str, names: Collection[KeyName], aggregate_id: UUID, version: int) -> str | None:
    """Encrypt a state under all named keys; None if one was destroyed, as its data must then not be kept."""
    encoded_names = b2a_base64(msgspec.json.encode(sorted(names)), newline=False)
    content = state.encode()
    for name in sorted(names):
        key = personal_keys.find_key(name)
        if key is None:
            return None
        nonce = os.urandom(NONCE_BYTES)
        content = nonce + key.aead.encrypt(nonce, content, _associated_data(encoded_names, aggregate_id, version))
    return f"{ENCRYPTED_STATE_PREFIX}{encoded_names.decode()}.{b2a_base64(content, newline=False).decode()}"


def decrypt_state(text: str, aggregate_id: UUID, version: int) -> str | None:
    """Decrypt a state; None if a key was destroyed, or the text was changed or belongs to another stream or version."""
    try:
        encoded_names, encoded_content = (
            part.encode() for part in text.removeprefix(ENCRYPTED_STATE_PREFIX).split(".")
        )
        content = a2b_base64(encoded_content, strict_mode=True)
        for name in reversed(key_names_of(text)):
            key = personal_keys.find_key(name)
            if key is None:
                return None
            associated_data = _associated_data(encoded_names, aggregate_id, version)
            content = key.aead.decrypt(content[:NONCE_BYTES], content[NONCE_BYTES:], associated_data)
        return content.decode()
    except (InvalidTag, ValueError):
        return None


def key_names_of(text: str) -> list[KeyName]:
    """The names of the keys that encrypt a state. Raises `ValueError` for a text of another format."""
    encoded_names, _, _ = text.removeprefix(ENCRYPTED_STATE_PREFIX).partition(".")
    try:
        return _decode_names(a2b_base64(encoded_names, strict_mode=True))
    except msgspec.DecodeError as error:
        raise ValueError(str(error)) from error


def _associated_data(encoded_names: bytes, aggregate_id: UUID, version: int) -> bytes:
    return b"snapshot" + aggregate_id.bytes + version.to_bytes(8, "big") + encoded_names
