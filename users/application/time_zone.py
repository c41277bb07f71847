"""The time zone of the person who is signed in: it is kept in the session, and pages are rendered in it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib.auth.models import User as Login
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from eventshop.operations.health_checks import PROBES
from users.application.accounts import person_of
from users.application.customer_adapter import load_person
from users.domain.preferences import time_zones

_KEY: Final = "time_zone"
#: Staff compare times with logs and with each other: the console stays in the zone of the shop.
_SAME_FOR_ALL: Final = ("/admin/", *PROBES)


def remember_time_zone(request: HttpRequest, zone: str) -> None:
    """Keep a person's time zone in the session. That of the shop needs no place there."""
    if zone != settings.TIME_ZONE:
        request.session[_KEY] = zone
    else:
        request.session.pop(_KEY, None)


def remember_at_sign_in(sender: object, request: HttpRequest, user: Login, **_: Any) -> None:
    """Receives the signal `user_logged_in`."""
    if (person := person_of(user)) and hasattr(request, "session"):
        remember_time_zone(request, load_person(person).preferences.time_zone)


class TimeZoneMiddleware:
    """Renders the pages of whoever is signed in with the times of their zone."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        zone = _zone_of(request)
        if zone is None:
            return self.get_response(request)
        with timezone.override(ZoneInfo(zone)):
            return self.get_response(request)


def _zone_of(request: HttpRequest) -> str | None:
    if settings.SESSION_COOKIE_NAME not in request.COOKIES or request.path_info.startswith(_SAME_FOR_ALL):
        return None
    zone = request.session.get(_KEY)
    return zone if zone in time_zones() else None
