"""Create, look up and revoke API tokens. Only a digest is stored; the token itself is shown once."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from hashlib import sha256
from secrets import token_urlsafe
from typing import Final
from uuid import UUID

from django.contrib.auth.models import User as Login
from django.db import DEFAULT_DB_ALIAS
from django.dispatch import Signal
from django.utils import timezone

from eventshop.operations.staff_actors import remember_actor
from eventshop.web.api.token_permissions import SCOPES
from eventshop.web.models import ApiToken
from eventshop.web.shared import customer_port

#: Lets secret scanners recognise a leaked token.
PREFIX: Final = "eshop_"
#: Sent with the record of a token that was made on the page of tokens; the owner is told.
token_created: Final = Signal()


def create_token(owner: Login, *, name: str, scopes: Iterable[str], lifetime: timedelta) -> tuple[ApiToken, str]:
    """Create a token of 256 random bits; returns its record and the token."""
    chosen = [scope for scope in SCOPES if scope in set(scopes)]
    token = PREFIX + token_urlsafe(32)
    record = ApiToken.objects.create(
        digest=_digest(token),
        begins=token[:12],
        owner=owner,
        name=name,
        scopes=" ".join(chosen),
        expires_at=timezone.now() + lifetime,
    )
    return record, token


#: Raw SQL: building this query with the ORM costs more processor time per request than executing it.
_FIND_SQL: Final = """SELECT token.*, login.username AS owner_username, login.is_active AS owner_is_active,
       login.is_staff AS owner_is_staff, login.is_superuser AS owner_is_superuser, staff.actor_id AS owner_actor,
       ({person_sql}) AS owner_person
FROM web_apitoken AS token JOIN auth_user AS login ON login.id = token.owner_id
    LEFT JOIN ops_staffactor AS staff ON staff.login_id = login.id
WHERE token.digest = %s
"""
#: In the order of the model's fields; all other fields are deferred.
_OWNER_FIELDS: Final = ("is_superuser", "username", "is_staff", "is_active")


def find_token(token: str) -> ApiToken | None:
    """The token's record with its owner; None unless it is valid and the owner active.

    Takes one SQL statement, which gives the owner's actor and person, too, and a second one on the first use of a day.
    """
    customers = customer_port.current_adapter()
    query = _FIND_SQL.format(person_sql=customers.person_sql)
    record = next(iter(ApiToken.objects.raw(query, [_digest(token)])), None)
    if record is None:
        return None
    owner = [getattr(record, f"owner_{name}") for name in _OWNER_FIELDS]
    record.owner = Login.from_db(DEFAULT_DB_ALIAS, ["id", *_OWNER_FIELDS], [record.owner_id, *owner])
    remember_actor(record.owner, getattr(record, "owner_actor", None))
    person = getattr(record, "owner_person", None)
    customers.remember_person(record.owner, UUID(str(person)) if person else None)  # SQLite gives a text
    if record.state != "valid" or not record.owner.is_active:
        return None
    today = timezone.localdate()
    if record.used_on != today:
        ApiToken.objects.filter(pk=record.pk).update(used_on=today)
    return record


def revoke_token(token: ApiToken) -> None:
    """Revoke the token. Idempotent: a second call keeps the first time."""
    ApiToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=timezone.now())


def revoke_tokens_of(owner: Login) -> None:
    """Revoke every token of a user."""
    ApiToken.objects.filter(owner=owner, revoked_at=None).update(revoked_at=timezone.now())


def _digest(token: str) -> str:
    # One pass of SHA-256 is enough: 256 random bits cannot be guessed as a password can.
    return sha256(token.encode()).hexdigest()
