"""API tokens end with the password of their owner, who is told of the new one."""

from __future__ import annotations

from typing import Final

from django.contrib.auth.models import User as Login
from django.dispatch import Signal

from eventshop.web.api.api_tokens import revoke_tokens_of

#: Sent with `login` when an account that was in use has a new password.
password_replaced: Final = Signal()


class RevokeTokensWithPassword:
    """A password validator that accepts all: Django tells validators of each new password, whichever door set it.

    An upgrade of the hash of the same password is no new one (`AbstractBaseUser.check_password`).
    """

    def validate(self, password: str, user: Login | None = None) -> None:
        pass

    def get_help_text(self) -> str:
        return "A new password ends all API tokens of the account."

    def password_changed(self, password: str, user: Login | None = None) -> None:
        if user is not None and user.pk:
            revoke_tokens_of(user)
            if user.last_login is not None:
                password_replaced.send(sender=Login, login=user)
