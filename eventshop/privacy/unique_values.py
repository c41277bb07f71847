"""Values that one person only may have, such as an e-mail address: found by a keyed digest, never by the value.

The digest's key lies among the personal keys, under nobody's name. Whoever has the table alone can try no guesses.
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

#: Under whose name and for what the digests' key is kept.
INDEX_KEY_SUBJECT: Final = UUID(int=0)
INDEX_KEY_PURPOSE: Final = "blind-index"


def claim_value(kind: str, value: str, subject: UUID) -> None:
    """Give a person this value in place of the one they had, in one statement.

    Raises `AlreadyTaken` when somebody else has it; the caller's transaction, or savepoint, is to be rolled back then.
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
    """Who has this value: the way from an e-mail address to its person."""
    return Claim.objects.filter(kind=kind, digest=_blind_index(kind, value)).values_list("subject", flat=True).first()


def release_values(subject: UUID) -> int:
    """Forget what a person had; how many values."""
    return Claim.objects.filter(subject=subject).delete()[0]


def _blind_index(kind: str, value: str) -> bytes:
    return digest(_index_key(), f"{kind}\n{normalize('NFKC', value).casefold().strip()}".encode(), "sha256")


def _index_key() -> bytes:
    key = personal_keys.find_key((INDEX_KEY_SUBJECT, INDEX_KEY_PURPOSE))
    if key is None:
        personal_keys.store_keys([((INDEX_KEY_SUBJECT, INDEX_KEY_PURPOSE), personal_keys.generate_key())])
        key = personal_keys.load_keys([INDEX_KEY_SUBJECT])[
            INDEX_KEY_SUBJECT, INDEX_KEY_PURPOSE
        ]  # whoever made it first
    return key.secret
