"""Encrypted tokens for links in e-mails. They expire, and reveal nothing to a reader of an access log."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from hashlib import sha256
from typing import Any, Final, TypeVar
from urllib.parse import quote

import msgspec
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings

from eventshop.core.errors import InvalidMessage

T = TypeVar("T")
#: Derives token keys that differ from the key-wrapping keys. A Fernet key is 32 bytes (https://github.com/fernet/spec).
_KEY_CONTEXT: Final = b"eventshop: links\n"


class InvalidLink(InvalidMessage):
    """This link is damaged, has expired, or belongs to another page."""

    code = "invalid-link"


def encrypt_token(kind: str, value: Any) -> str:
    """Encrypt `value` as a URL-safe token for one kind of page."""
    return quote(_cipher().encrypt(msgspec.json.encode((kind, value))).decode(), safe="=-_")


def decrypt_token(kind: str, token: str, type: type[T], *, max_age_s: int) -> T:
    """The value of a token. Raises `InvalidLink` for a damaged or expired token, or one of another kind."""
    try:
        found_kind, value = msgspec.json.decode(_cipher().decrypt(token, ttl=max_age_s), type=tuple[str, type])  # type: ignore[valid-type]
    except (InvalidToken, msgspec.DecodeError, ValueError):
        raise InvalidLink() from None
    if found_kind != kind:
        raise InvalidLink()
    return value


def _cipher() -> MultiFernet:
    return MultiFernet(
        [Fernet(urlsafe_b64encode(sha256(_KEY_CONTEXT + key).digest())) for key in settings.KEY_ENCRYPTION_KEYS]
    )
