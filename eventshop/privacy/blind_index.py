"""Unique values, such as e-mail addresses, claimed through a blind index: a keyed digest of the value.

The index key is stored among the personal keys, under no person's id. Without it, nobody who has the table can test
guesses against it.
"""

from __future__ import annotations

from hmac import digest
from typing import Final
from unicodedata import normalize
from uuid import UUID

from django.db import IntegrityError

from eventshop.core.errors import AlreadyTaken
from eventshop.privacy.encryption import personal_keys
from eventshop.privacy.models import Claim

#: The subject and purpose under which the index key is stored.
INDEX_KEY_SUBJECT: Final = UUID(int=0)
INDEX_KEY_PURPOSE: Final = "blind-index"


def claim_value(kind: str, value: str, subject: UUID) -> None:
    """Claim a value for a person, replacing the person's previous value, in one statement.

    Raises `AlreadyTaken` if another person has it. The caller must then roll back its transaction or savepoint.
    """
    row = Claim(kind=kind, subject=subject, digest=_blind_index(kind, value))
    try:
        Claim.objects.bulk_create(
            [row], update_conflicts=True, unique_fields=["kind", "subject"], update_fields=["digest"]
        )
    except IntegrityError as error:
        if "claim_taken" in str(error) or ".digest" in str(error):
            raise AlreadyTaken(what=kind) from None
        raise


def find_holder(kind: str, value: str) -> UUID | None:
    """The person who has this value; None if nobody has. It leads from an e-mail address to the person."""
    return Claim.objects.filter(kind=kind, digest=_blind_index(kind, value)).values_list("subject", flat=True).first()


def release_values(subject: UUID) -> int:
    """Delete a person's claims; gives their number."""
    return Claim.objects.filter(subject=subject).delete()[0]


def _blind_index(kind: str, value: str) -> bytes:
    return digest(_index_key(), f"{kind}\n{normalize('NFKC', value).casefold().strip()}".encode(), "sha256")


def _index_key() -> bytes:
    key = personal_keys.find_key((INDEX_KEY_SUBJECT, INDEX_KEY_PURPOSE))
    if key is None:
        personal_keys.store_keys([((INDEX_KEY_SUBJECT, INDEX_KEY_PURPOSE), personal_keys.generate_key())])
        key = personal_keys.load_keys([INDEX_KEY_SUBJECT])[
            INDEX_KEY_SUBJECT, INDEX_KEY_PURPOSE
        ]  # another process may have created it first
    return key.secret
