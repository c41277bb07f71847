"""Logs who signed in and out, and attempts that failed: by the key of the login, never by the name that was typed."""

from __future__ import annotations

import logging
from typing import Any

from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.dispatch import receiver
from django.http import HttpRequest

log = logging.getLogger(__name__)


@receiver(user_logged_in)
def log_sign_in(sender: object, user: Any, **_: Any) -> None:
    log.info("login %s signed in%s", user.pk, " (staff)" if user.is_staff else "")


@receiver(user_logged_out)
def log_sign_out(sender: object, user: Any, **_: Any) -> None:
    if user is not None:
        log.info("login %s signed out", user.pk)


@receiver(user_login_failed)
def log_failure(sender: object, request: HttpRequest | None = None, **_: Any) -> None:
    log.warning("a sign-in failed%s", f" at {request.path}" if request is not None else "")
