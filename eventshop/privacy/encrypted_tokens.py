"""Links that only the person they were sent to has: they say nothing to whoever reads an access log, and expire."""

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
#: What makes these keys others than those that wrap: a Fernet key is 32 bytes (https://github.com/fernet/spec).
_KEY_CONTEXT: Final = b"eventshop: links\n"


class InvalidLink(InvalidMessage):
    """This link is damaged, has expired, or was meant for something else."""

    code = "invalid-link"


def encrypt_token(kind: str, value: Any) -> str:
    """The part of a link that carries `value`, for one kind of page."""
    return quote(_cipher().encrypt(msgspec.json.encode((kind, value))).decode(), safe="=-_")


def decrypt_token(kind: str, token: str, type: type[T], *, max_age_s: int) -> T:
    """What a link carries; raises `InvalidLink`."""
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
