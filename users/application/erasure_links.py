"""The links to the status and certificate of an erasure; they need no sign-in, and expire."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from django.urls import reverse

from eventshop.privacy import encrypted_tokens

_LINK_KIND: Final = "erasure"
#: How long the link to status and certificate is valid.
LINK_MAX_AGE_S: Final = 400 * 24 * 3600


def erasure_link(person_id: UUID) -> str:
    """The path of the status page of a person's erasure; needs no sign-in."""
    return reverse("users:erasure", args=[erasure_token(person_id)])


def erasure_token(person_id: UUID) -> str:
    """The encrypted token that identifies a person in the links to the status page and API."""
    return encrypted_tokens.encrypt_token(_LINK_KIND, person_id)


def person_from_token(token: str) -> UUID | None:
    """The person that a link is about; None for an invalid or expired token."""
    try:
        return encrypted_tokens.decrypt_token(_LINK_KIND, token, UUID, max_age_s=LINK_MAX_AGE_S)
    except encrypted_tokens.InvalidLink:
        return None
