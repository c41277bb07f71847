"""Signatures by the program: Ed25519 (RFC 8032) with the key from the settings."""

from __future__ import annotations

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from django.conf import settings


def sign(statement: bytes) -> bytes:
    """The signature of a statement, 64 bytes."""
    return _signing_key().sign(statement)


def public_key() -> str:
    """The key that whoever checks a signature needs, in hexadecimal. It can be told to anybody."""
    return _signing_key().public_key().public_bytes_raw().hex()


def trusted_public_keys() -> frozenset[str]:
    """The public keys whose signatures count here: the current one and those it once was."""
    return frozenset({public_key(), *settings.FORMER_ROOT_KEYS})


def verify_signature(statement: bytes, signature: bytes, public_key_hex: str) -> bool:
    """Whether the owner of a public key signed just this."""
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key_hex)).verify(signature, statement)
    except (InvalidSignature, ValueError):
        return False
    return True


def _signing_key() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(settings.ROOT_SIGNING_KEY)
