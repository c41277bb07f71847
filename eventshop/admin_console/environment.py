"""Which installation this is, said on every page."""

from __future__ import annotations

from django.conf import settings
from django.db import connection
from django.http import HttpRequest


def label(request: HttpRequest) -> list[str]:
    """Unfold's label: a text and its colour."""
    if settings.DEBUG:
        return ["Debug", "warning"]
    return ["Production", "danger"] if connection.vendor == "postgresql" else ["Embedded", "info"]
