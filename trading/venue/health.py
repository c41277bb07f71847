"""The health check of the venue, for `/readyz`."""

from __future__ import annotations

from django.conf import settings

from eventshop.operations.health_checks import ComponentHealth, check_service


def check_venue() -> ComponentHealth:
    """Whether the venue accepts connections; healthy if none is configured."""
    return check_service("venue", settings.VENUE_URL)
