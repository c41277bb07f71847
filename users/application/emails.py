"""E-mails about accounts. Every request sends one, whether an account exists or not: no page reveals accounts."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, Final, ParamSpec

from django.conf import settings
from django.core.mail import send_mail
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string

from eventshop.core.errors import EventShopError

log = logging.getLogger(__name__)
P = ParamSpec("P")
#: The `Retry-After` header of the page that is shown while no e-mail can be sent.
RETRY_AFTER_S: Final = 300


class EmailNotSent(EventShopError):
    """The mail server did not accept an e-mail."""

    code = "letter-not-sent"


def send_email(request: HttpRequest, to: str, template: str, /, *, link: str = "", **context: Any) -> None:
    """Render `templates/emails/<template>.txt` and send it; its first line is the subject.

    `link` is a path on this site. Raises `EmailNotSent`.
    """
    text = render_to_string(f"emails/{template}.txt", {"link": request.build_absolute_uri(link), **context})
    subject, _, body = text.partition("\n")
    try:
        send_mail(subject, body.strip() + "\n", settings.DEFAULT_FROM_EMAIL, [to])
    except OSError as error:  # smtplib's errors are OSErrors. They hold the address, so log only their type.
        log.error("e-mail %s was not sent: %s", template, type(error).__name__)
        raise EmailNotSent(template=template) from None


def requires_email(view: Callable[Concatenate[HttpRequest, P], HttpResponse]) -> Callable[..., HttpResponse]:
    """Decorate a view that must send an e-mail: while the mail server fails, it answers 503."""

    @wraps(view)
    def wrapper(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except EmailNotSent:
            response = render(request, "account/email_unavailable.html", status=503)
            response["Retry-After"] = str(RETRY_AFTER_S)
            return response

    return wrapper


def prints_to_console() -> bool:
    """Whether e-mails are only printed to the console of the server."""
    return settings.EMAIL_BACKEND.endswith(".console.EmailBackend")
