"""Deterministic ids (UUIDv5) and short references for people."""

from __future__ import annotations

from typing import Final
from uuid import UUID, uuid5

#: Must never change: stored ids are derived from it.
NAMESPACE: Final = UUID("6d0f3c1e-5a0b-5e0d-9f7a-2f6e5a0c4b11")


def derive_id(*words: str | int | UUID) -> UUID:
    """`uuid5(NAMESPACE, "customer:17850")` for `derive_id("customer", "17850")`.

    Use it for things that others have named (a product code, an invoice number) and for commands that may be sent
    again. The first word is the kind of thing. Only the last word may hold a colon: otherwise two names could give
    the same id.
    """
    return uuid5(NAMESPACE, ":".join(map(str, words)))


def short_reference(prefix: str, entity_id: UUID) -> str:
    """Return a reference such as `O-7K2M9-QX4TB` for people: ten characters of Crockford's base 32, hard to guess."""
    alphabet, number, text = "0123456789ABCDEFGHJKMNPQRSTVWXYZ", entity_id.int, ""
    for _ in range(10):
        number, digit = divmod(number, len(alphabet))
        text += alphabet[digit]
    return f"{prefix}-{text[:5]}-{text[5:]}"
