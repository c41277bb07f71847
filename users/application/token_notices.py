"""Tells the owner of an account about a new API token or password: whoever has one can act as they can."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User as Login
from django.utils.functional import lazy
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from eventshop.datetimes import format_date
from eventshop.web.models import ApiToken
from users.application.emails import send_security_notice


def tell_of_token(sender: object, token: ApiToken, **more: Any) -> None:
    """Receives the signal `token_created`."""
    event = format_lazy(
        _("An API token was made that begins with {begins} and is valid until {until}."),
        begins=token.begins,
        until=lazy(format_date, str)(token.expires_at),
    )
    send_security_notice(token.owner, event)


def tell_of_password(sender: object, login: Login, **more: Any) -> None:
    """Receives the signal `password_replaced`, whichever door set the password."""
    send_security_notice(login, _("The password of your account was changed."))
