"""A prefix condition that both databases answer from an index."""

from __future__ import annotations

from django.db import connection
from django.db.models import Q


def prefix_condition(field: str, text: str) -> Q:
    """LIKE on PostgreSQL, which has a pattern index; a range on SQLite, whose case-insensitive LIKE cannot use one."""
    if connection.vendor == "postgresql":
        return Q(**{f"{field}__startswith": text})
    return Q(**{f"{field}__gte": text, f"{field}__lt": text[:-1] + chr(min(ord(text[-1]) + 1, 0x10FFFF))})
