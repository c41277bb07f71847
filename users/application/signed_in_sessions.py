"""Where a login is signed in: each sign-in is remembered with its browser, and can be ended."""

from __future__ import annotations

from typing import Any, Final

from django.contrib.auth.models import User as Login
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from eventshop.operations.row_retention import Retention
from users.models import SignedInSession

#: What a browser calls itself, the most special first, and its name; nothing else of the header is kept.
_BROWSERS: Final = (
    ("Edg", "Edge"),
    ("OPR", "Opera"),
    ("Firefox", "Firefox"),
    ("Chrome", "Chrome"),
    ("Safari", "Safari"),
)
_SYSTEMS: Final = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS", "macOS"),
    ("Linux", "Linux"),
)


def remember_sign_in(sender: Any, request: HttpRequest | None, user: Login, **_: Any) -> None:
    """Note the session of a sign-in. It gets its key now, which it would get with the response."""
    if request is None or not hasattr(request, "session"):
        return
    request.session.save()
    SignedInSession.objects.update_or_create(
        session_key=request.session.session_key,
        defaults={
            "login": user,
            "browser": name_browser(request.headers.get("User-Agent", "")),
            "expires_at": request.session.get_expiry_date(),
        },
    )


#: Deletes what is remembered of sessions that are gone: a session that is written to is prolonged.
ENDED_SESSIONS: Final = Retention(
    name="remove-ended-sessions",
    model=SignedInSession,
    since="expires_at",
    condition=~Q(Exists(Session.objects.filter(session_key=OuterRef("session_key")))),
)


def alive_sessions() -> QuerySet[SignedInSession]:
    """The sessions that still exist."""
    alive = Session.objects.filter(expire_date__gt=timezone.now()).values("session_key")
    return SignedInSession.objects.filter(session_key__in=alive)


def own_sessions(login_id: int) -> QuerySet[SignedInSession]:
    """The sessions of a login that still exist, the newest first."""
    return alive_sessions().filter(login_id=login_id).order_by("-since", "-pk")


def end_sessions(sessions: QuerySet[SignedInSession]) -> int:
    """End these sessions: their next request is that of somebody who is not signed in."""
    keys = list(sessions.values_list("session_key", flat=True))
    with transaction.atomic():
        Session.objects.filter(session_key__in=keys).delete()
        SignedInSession.objects.filter(session_key__in=keys).delete()
    return len(keys)


def end_other_sessions(request: HttpRequest, login: Login) -> int:
    """End all sessions of a login but that of this request."""
    return end_sessions(own_sessions(login.pk).exclude(session_key=request.session.session_key))


def name_browser(agent: str) -> str:
    """The names of browser and system, such as `Firefox on Linux`."""
    browser = next((name for mark, name in _BROWSERS if mark in agent), "A program")
    system = next((f" on {name}" for mark, name in _SYSTEMS if mark in agent), "")
    return f"{browser}{system}"
