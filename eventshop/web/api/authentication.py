"""Who sends a request to the API: by a token, or by the session of a browser, which must show its CSRF token too."""

from __future__ import annotations

from django.contrib.auth.models import User as Login
from rest_framework import exceptions
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.request import Request

from eventshop.web.api import api_tokens
from eventshop.web.models import ApiToken
from eventshop.web.shared.errors import CsrfFailed, InvalidToken


class Bearer(BaseAuthentication):
    """`Authorization: Bearer …` (RFC 6750)."""

    def authenticate(self, request: Request) -> tuple[Login, ApiToken] | None:
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        if kind.lower() != "bearer":
            return None
        found = api_tokens.find(token.strip())
        if found is None:
            raise InvalidToken
        return found.owner, found

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="eventshop"'


class Session(SessionAuthentication):
    """Django's session."""

    def enforce_csrf(self, request: Request) -> None:
        try:
            super().enforce_csrf(request)
        except exceptions.PermissionDenied as error:
            raise CsrfFailed from error
