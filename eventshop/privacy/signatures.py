"""Ed25519 signatures (RFC 8032) with the key from the settings."""

from __future__ import annotations

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from django.conf import settings

from eventshop.core.errors import EventShopError


class SigningKeyMissing(EventShopError):
    """ROOT_SIGNING_KEY is not set, and outside DEBUG nothing is signed with a key that follows from SECRET_KEY"""

    code = "signing-key-missing"


def may_sign() -> bool:
    """Whether there is a key of its own for signatures; for development the one from SECRET_KEY is enough."""
    return settings.DEBUG or not settings.ROOT_SIGNING_KEY_IS_DERIVED


def sign(statement: bytes) -> bytes:
    """Sign a statement; gives the signature, 64 bytes. Raises `SigningKeyMissing`."""
    if not may_sign():
        raise SigningKeyMissing
    return _signing_key().sign(statement)


def public_key() -> str:
    """The public key that verifies the signatures, in hexadecimal."""
    return _signing_key().public_key().public_bytes_raw().hex()


def trusted_public_keys() -> frozenset[str]:
    """The public keys whose signatures are accepted: the current one and FORMER_ROOT_KEYS."""
    return frozenset({public_key(), *settings.FORMER_ROOT_KEYS})


def verify_signature(statement: bytes, signature: bytes, public_key_hex: str) -> bool:
    """Whether a signature of this statement was made with the private key of `public_key_hex`."""
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key_hex)).verify(signature, statement)
    except (InvalidSignature, ValueError):
        return False
    return True


def _signing_key() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(settings.ROOT_SIGNING_KEY)
