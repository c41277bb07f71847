"""The login of a request."""

from __future__ import annotations

from django.contrib.auth.models import User as Login
from django.http import HttpRequest


def login_of(request: HttpRequest) -> Login:
    """The row of the signed-in user, read anew; raises `Login.DoesNotExist` for a visitor."""
    return Login.objects.get(username=request.user.get_username())
