"""Tells the owner of an account about a new API token: whoever has one can act as they can."""

from __future__ import annotations

from typing import Any

from eventshop.datetimes import format_date
from eventshop.web.models import ApiToken
from users.application.emails import send_security_notice


def tell_of_token(sender: object, token: ApiToken, **_: Any) -> None:
    """Receives the signal `token_created`."""
    event = f"An API token was made that begins with {token.begins} and is valid until {format_date(token.expires_at)}."
    send_security_notice(token.owner, event)
