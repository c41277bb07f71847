"""A prefix condition that both databases answer from an index."""

from __future__ import annotations

from django.db import connection
from django.db.models import Q


def prefix_condition(field: str, text: str) -> Q:
    """LIKE on PostgreSQL, which has a pattern index; a range on SQLite, whose case-insensitive LIKE cannot use one."""
    if connection.vendor == "postgresql":
        return Q(**{f"{field}__startswith": text})
    return Q(**{f"{field}__gte": text, f"{field}__lt": text[:-1] + _next_character(text[-1])})


def _next_character(character: str) -> str:
    """The next one that a database stores: surrogates are no characters, and behind the last one there is none."""
    following = min(ord(character) + 1, 0x10FFFF)
    return chr(0xE000 if following == 0xD800 else following)
