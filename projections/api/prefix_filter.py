"""Texts that begin alike, by the index both databases have."""

from __future__ import annotations

from django.db import connection
from django.db.models import Q


def starting_with(field: str, text: str) -> Q:
    """PostgreSQL has an index for patterns; SQLite's LIKE ignores case and so its index, a range does not."""
    if connection.vendor == "postgresql":
        return Q(**{f"{field}__startswith": text})
    return Q(**{f"{field}__gte": text, f"{field}__lt": text[:-1] + chr(min(ord(text[-1]) + 1, 0x10FFFF))})
