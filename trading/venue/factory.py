"""Builds the venue that the settings name."""

from __future__ import annotations

from django.conf import settings

from eventshop.runtime.build_once import BuildOnce
from trading.venue.client import HttpVenue
from trading.venue.errors import VenueNotConfigured


def venue() -> HttpVenue:
    """The process's venue, built on first use. Raises `VenueNotConfigured`."""
    if not settings.VENUE_URL:
        raise VenueNotConfigured()
    return _build_venue(settings.VENUE_URL, settings.VENUE_SECRET)


@BuildOnce
def _build_venue(url: str, secret: str) -> HttpVenue:
    return HttpVenue(url, secret, response_s=settings.VENUE_TIMEOUT_S)
