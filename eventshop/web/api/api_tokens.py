"""Making, finding and revoking API tokens. The token itself is shown once and kept nowhere."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from hashlib import sha256
from secrets import token_urlsafe
from typing import Final

from django.contrib.auth.models import User as Login
from django.db import DEFAULT_DB_ALIAS
from django.utils import timezone

from eventshop.web.api.token_permissions import SCOPES
from eventshop.web.models import ApiToken

#: So that a token that got somewhere it should not be is recognised as one.
PREFIX: Final = "eshop_"


def make(owner: Login, *, name: str, scopes: Iterable[str], lasts: timedelta) -> tuple[ApiToken, str]:
    """A new token of 256 random bits: what is kept of it, and the token."""
    chosen = [scope for scope in SCOPES if scope in set(scopes)]
    token = PREFIX + token_urlsafe(32)
    kept = ApiToken.objects.create(
        digest=_digest(token),
        begins=token[:12],
        owner=owner,
        name=name,
        scopes=" ".join(chosen),
        expires_at=timezone.now() + lasts,
    )
    return kept, token


#: A query that Django builds anew for each request costs more processor time than its answer.
_FIND: Final = """SELECT token.*, login.username AS owner_username, login.is_active AS owner_is_active,
       login.is_staff AS owner_is_staff, login.is_superuser AS owner_is_superuser
FROM web_apitoken AS token JOIN auth_user AS login ON login.id = token.owner_id
WHERE token.digest = %s
"""
#: In the order of the model; the others are loaded when somebody asks for them.
_OF_OWNER: Final = ("is_superuser", "username", "is_staff", "is_active")


def find(token: str) -> ApiToken | None:
    """The token, with its owner, if it can be used now. One statement; one more on the first use of a day."""
    found = next(iter(ApiToken.objects.raw(_FIND, [_digest(token)])), None)
    if found is None:
        return None
    owner = [getattr(found, f"owner_{name}") for name in _OF_OWNER]
    found.owner = Login.from_db(DEFAULT_DB_ALIAS, ["id", *_OF_OWNER], [found.owner_id, *owner])
    if found.state != "valid" or not found.owner.is_active:
        return None
    today = timezone.localdate()
    if found.used_on != today:
        ApiToken.objects.filter(pk=found.pk).update(used_on=today)
    return found


def revoke(token: ApiToken) -> None:
    """From now on it is worth nothing; done twice, the first time counts."""
    ApiToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=timezone.now())


def _digest(token: str) -> str:
    # The token is random, so one pass of SHA-256 cannot be tried out as a password's could.
    return sha256(token.encode()).hexdigest()
