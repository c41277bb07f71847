"""Authentication of API requests: by bearer token, or by a browser session together with its CSRF token."""

from __future__ import annotations

from django.contrib.auth.models import User as Login
from rest_framework import exceptions
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.request import Request

from eventshop.web.api import api_tokens
from eventshop.web.models import ApiToken
from eventshop.web.shared.errors import CsrfFailed, InvalidToken


class BearerAuthentication(BaseAuthentication):
    """`Authorization: Bearer …` (RFC 6750)."""

    def authenticate(self, request: Request) -> tuple[Login, ApiToken] | None:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        record = api_tokens.find_token(token.strip())
        if record is None:
            raise InvalidToken
        return record.owner, record

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="eventshop"'


class ApiSessionAuthentication(SessionAuthentication):
    """Django's session; a missing CSRF token is a `csrf-failed` problem."""

    def enforce_csrf(self, request: Request) -> None:
        try:
            super().enforce_csrf(request)
        except exceptions.PermissionDenied as error:
            raise CsrfFailed from error
