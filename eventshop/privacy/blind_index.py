"""Unique values, such as e-mail addresses, claimed through a blind index: a keyed digest of the value.

The index key is stored among the personal keys, under no person's id. Without it, nobody who has the table can test
guesses against it.

A value is claimed by its folded form (NFKC, without case). Where two people may have values that differ only in that,
as with e-mail addresses, it is claimed by its identity, and the folded form is an alias of whoever claimed it first: it
finds that person's account, but keeps nobody out.
"""

from __future__ import annotations

from collections.abc import Callable
from hmac import digest
from typing import Final
from unicodedata import normalize
from uuid import UUID

from django.db import IntegrityError, connection, transaction

from eventshop.core.errors import AlreadyTaken
from eventshop.privacy.encryption import personal_keys
from eventshop.privacy.mailbox_identity import mailbox_identity
from eventshop.privacy.models import Claim

#: The subject and purpose under which the index key is stored.
INDEX_KEY_SUBJECT: Final = UUID(int=0)
INDEX_KEY_PURPOSE: Final = "blind-index"

_INSERT: Final = "INSERT INTO privacy_claim (kind, digest, subject) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING"
#: The kinds of values that are claimed by an identity, and the function that gives it.
_IDENTITIES: Final[dict[str, Callable[[str], str]]] = {"email": mailbox_identity}


def claim_value(kind: str, value: str, subject: UUID) -> None:
    """Claim a value for a person, replacing the person's previous value.

    Raises `AlreadyTaken` if another person has it; nothing was written then.
    """
    if kind not in _IDENTITIES:
        return _claim(kind, kind, _folded_index(kind, value), subject)
    alias = _folded_index(kind, value)
    if _has_only_alias(kind, alias, subject):
        raise AlreadyTaken(what=kind)
    _claim(kind, _identity_kind(kind), _identity_index(kind, value), subject)
    Claim.objects.filter(kind=kind, subject=subject).exclude(digest=alias).delete()
    Claim.objects.bulk_create([Claim(kind=kind, subject=subject, digest=alias)], ignore_conflicts=True)
    return None


def find_holder(kind: str, value: str) -> UUID | None:
    """The person who has this value or, if nobody has, its alias. It leads from an e-mail address to the person."""
    holder = _holder(_identity_kind(kind), _identity_index(kind, value)) if kind in _IDENTITIES else None
    return holder or _holder(kind, _folded_index(kind, value))


def is_available(kind: str, value: str, subject: UUID | None = None) -> bool:
    """Whether this person, or somebody who is not known yet, could claim the value now."""
    if kind not in _IDENTITIES:
        return _holder(kind, _folded_index(kind, value)) in (None, subject)
    holder = _holder(_identity_kind(kind), _identity_index(kind, value))
    return holder in (None, subject) and not _has_only_alias(kind, _folded_index(kind, value), subject)


def needs_identity(kind: str, subject: UUID) -> bool:
    """Whether a person's claim is from before its kind had identities; claiming the value again completes it."""
    claimed = set(Claim.objects.filter(subject=subject).values_list("kind", flat=True))
    return kind in _IDENTITIES and kind in claimed and _identity_kind(kind) not in claimed


def release_values(subject: UUID) -> int:
    """Delete a person's claims; gives their number."""
    return Claim.objects.filter(subject=subject).delete()[0]


def _claim(kind: str, row_kind: str, index: bytes, subject: UUID) -> None:
    if _insert_claim(row_kind, index, subject):
        return
    row = Claim(kind=row_kind, subject=subject, digest=index)
    try:
        with transaction.atomic():  # A savepoint: a batch goes on when one value is taken.
            Claim.objects.bulk_create(
                [row], update_conflicts=True, unique_fields=["kind", "subject"], update_fields=["digest"]
            )
    except IntegrityError as error:
        if "claim_taken" in str(error) or ".digest" in str(error):
            raise AlreadyTaken(what=kind) from None
        raise


def _insert_claim(row_kind: str, index: bytes, subject: UUID) -> bool:
    """Insert a first claim in one statement; False, without an error, if the person or somebody else has one."""
    person = Claim._meta.get_field("subject").get_db_prep_value(subject, connection)
    with connection.cursor() as cursor:
        cursor.execute(_INSERT, (row_kind, index, person))
        return bool(cursor.rowcount)


def _has_only_alias(kind: str, alias: bytes, subject: UUID | None) -> bool:
    """Whether somebody else claimed the folded form before the kind had identities: it may be the same value."""
    holder = _holder(kind, alias)
    return holder not in (None, subject) and needs_identity(kind, holder)


def _holder(row_kind: str, index: bytes) -> UUID | None:
    return Claim.objects.filter(kind=row_kind, digest=index).values_list("subject", flat=True).first()


def _identity_kind(kind: str) -> str:
    return f"{kind}-identity"


def _identity_index(kind: str, value: str) -> bytes:
    return _index(_identity_kind(kind), _IDENTITIES[kind](value))


def _folded_index(kind: str, value: str) -> bytes:
    return _index(kind, normalize("NFKC", value).casefold().strip())


def _index(row_kind: str, text: str) -> bytes:
    return digest(_index_key(), f"{row_kind}\n{text}".encode(), "sha256")


def _index_key() -> bytes:
    key = personal_keys.find_key((INDEX_KEY_SUBJECT, INDEX_KEY_PURPOSE))
    if key is None:
        personal_keys.store_keys([((INDEX_KEY_SUBJECT, INDEX_KEY_PURPOSE), personal_keys.generate_key())])
        key = personal_keys.load_keys([INDEX_KEY_SUBJECT])[
            INDEX_KEY_SUBJECT, INDEX_KEY_PURPOSE
        ]  # another process may have created it first
    return key.secret
