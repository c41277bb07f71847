"""The e-mails we write about accounts. Each request is answered by a letter, whether there is an account or not."""

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
#: What `Retry-After` asks for.
RETRY_AFTER_S: Final = 300


class LetterNotSent(EventShopError):
    """The mail server did not take a letter."""

    code = "letter-not-sent"


def write(request: HttpRequest, to: str, letter: str, /, *, link: str = "", **context: Any) -> None:
    """Send `templates/letters/<letter>.txt`; its first line is the subject. `link` is a path of this site.

    Raises `LetterNotSent`.
    """
    words = render_to_string(f"letters/{letter}.txt", {"link": request.build_absolute_uri(link), **context})
    subject, _, body = words.partition("\n")
    try:
        send_mail(subject, body.strip() + "\n", settings.DEFAULT_FROM_EMAIL, [to])
    except OSError as error:  # smtplib's errors are OSErrors; they name the address, so only their kind is told
        log.error("a letter (%s) was not sent: %s", letter, type(error).__name__)
        raise LetterNotSent(letter=letter) from None


def by_letter(page: Callable[Concatenate[HttpRequest, P], HttpResponse]) -> Callable[..., HttpResponse]:
    """For pages that cannot go on without a letter: while no mail leaves, they say so (503)."""

    @wraps(page)
    def shown(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        try:
            return page(request, *args, **kwargs)
        except LetterNotSent:
            answer = render(request, "account/no_letters.html", status=503)
            answer["Retry-After"] = str(RETRY_AFTER_S)
            return answer

    return shown


def on_console() -> bool:
    """Whether letters are printed where the server was started, and go nowhere else."""
    return settings.EMAIL_BACKEND.endswith(".console.EmailBackend")
