"""The badge on every page that names the environment."""

from __future__ import annotations

from django.conf import settings
from django.db import connection
from django.http import HttpRequest


def environment_badge(request: HttpRequest) -> list[str]:
    """Text and colour, as Unfold's setting ENVIRONMENT expects them."""
    if settings.DEBUG:
        return ["Debug", "warning"]
    return ["Production", "danger"] if connection.vendor == "postgresql" else ["Embedded", "info"]
