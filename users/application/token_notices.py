"""Tells the owner of an account about a new API token or password: whoever has one can act as they can."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User as Login

from eventshop.datetimes import format_date
from eventshop.web.models import ApiToken
from users.application.emails import send_security_notice


def tell_of_token(sender: object, token: ApiToken, **_: Any) -> None:
    """Receives the signal `token_created`."""
    event = f"An API token was made that begins with {token.begins} and is valid until {format_date(token.expires_at)}."
    send_security_notice(token.owner, event)


def tell_of_password(sender: object, login: Login, **_: Any) -> None:
    """Receives the signal `password_replaced`, whichever door set the password."""
    send_security_notice(login, "The password of your account was changed.")
