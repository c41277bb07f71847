"""Holds a session back until its second factor was given, whichever door it came through: pages, admin or API."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from django.conf import settings
from django.contrib.auth.models import User as Login
from django.contrib.auth.signals import user_logged_in
from django.contrib.auth.views import redirect_to_login
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django_otp import DEVICE_ID_SESSION_KEY

from eventshop.operations.health_checks import PROBES
from eventshop.web.api.exception_handler import API_PREFIX
from eventshop.web.api.problem_details import problem_response
from eventshop.web.shared.errors import NotAllowed
from users.application.second_factors import has_second_factor, needs_second_factor

#: The URL name of the page that a session has to visit first, in the session.
_DUE: Final = "second_factor_due"
CHECK, SET_UP = "users:second-factor-check", "users:second-factor"
ADMIN_PREFIX: Final = "/admin/"
#: What works before: these pages, signing out, files and probes.
_OPEN_PREFIXES: Final = (
    *("/account/second-factor/", "/account/sign-out/", "/static/", "/admin/jsi18n/"),
    *PROBES,
)


@receiver(user_logged_in)
def note_second_factor(sender: object, request: HttpRequest, user: Login, **_: Any) -> None:
    """At a sign-in, note in the session what is still due: so pages need no query to know it."""
    request.session.pop(DEVICE_ID_SESSION_KEY, None)
    request.session[_DUE] = CHECK if has_second_factor(user) else SET_UP if needs_second_factor(user) else ""


class SecondFactorMiddleware:
    """Redirects to the page of the second factor while that is due."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        is_open = settings.SESSION_COOKIE_NAME not in request.COOKIES or request.path_info.startswith(_OPEN_PREFIXES)
        if is_open or not (page := due_page(request)):
            return self.get_response(request)
        if request.path_info.startswith(API_PREFIX):
            return problem_response(403, NotAllowed("Give the second factor of your account first, on the pages"))
        return redirect_to_second_factor(request, page)


def due_page(request: HttpRequest) -> str:
    """The URL name of the page that this session has to visit first; empty if none."""
    session = request.session
    if DEVICE_ID_SESSION_KEY in session:
        return ""
    page: str = session.get(_DUE, "")
    if not page and request.path_info.startswith(ADMIN_PREFIX):
        # Staff since the sign-in, or signed in by an earlier version.
        login = request.user
        if isinstance(login, Login) and needs_second_factor(login):
            page = CHECK if has_second_factor(login) else SET_UP
    return page


def redirect_to_second_factor(request: HttpRequest, page: str) -> HttpResponseBase:
    """Redirect to a page of the second factor, and from there back to what was asked for."""
    if request.method in ("GET", "HEAD"):
        return redirect_to_login(request.get_full_path(), reverse(page))
    return redirect(page)
