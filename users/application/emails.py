"""E-mails about accounts. Every request sends one, whether an account exists or not: no page reveals accounts."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from functools import partial, wraps
from typing import TYPE_CHECKING, Any, Concatenate, Final, ParamSpec
from uuid import UUID

from django.conf import settings
from django.contrib.auth.models import User as Login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import get_language

from eventshop.core.errors import CommandRefused, EventShopError
from eventshop.core.messages import new_id
from eventshop.privacy.mailbox_identity import mailbox_identity
from eventshop.privacy.processing import DataUse, require_ground, use_personal_data
from eventshop.web.letters.letter import letter_of_text, site_url, written_to
from eventshop.web.letters.mail import build_message
from eventshop.web.shared import attempt_limits
from users.application.accounts import person_of
from users.application.customer_adapter import load_person

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

log = logging.getLogger(__name__)
P = ParamSpec("P")
#: The `Retry-After` header of the page that is shown while no e-mail can be sent.
RETRY_AFTER_S: Final = 300


class EmailNotSent(EventShopError):
    """The mail server did not accept an e-mail."""

    code = "letter-not-sent"


def send_email(to: str, template: str, /, *, link: str = "", **context: Any) -> None:
    """Render `templates/emails/<template>.txt` and send it; its first line is the subject.

    `link` is a path on this site, `to` an address that a visitor has typed in. Raises `EmailNotSent`.
    """
    letter = letter_of_text(render_to_string(f"emails/{template}.txt", {"link": site_url(link), **context}))
    letter = letter._replace(language=get_language() or "")
    try:
        build_message(letter, to).send()
    except OSError as error:  # smtplib's errors are OSErrors. They hold the address, so log only their type.
        log.error("e-mail %s was not sent: %s", template, type(error).__name__)
        raise EmailNotSent(template=template) from None


def send_email_to(
    person: UUID, to: str, template: str, /, *, link: str = "", is_answer: bool = False, **context: Any
) -> None:
    """Send an e-mail that the law wants a person to get, after its ground was asked for. Raises `EmailNotSent`.

    It is recorded, unless it `is_answer` to a command of the person, whose event is the record.
    """
    activity = f"An e-mail: {template.replace('_', ' ')}"
    use = DataUse(person, "LegalCompliance", activity, ("e-mail address",), occasion=new_id())
    try:
        require_ground(use) if is_answer else use_personal_data(use)
    except CommandRefused as refusal:
        log.error("e-mail %s was not sent: %s", template, refusal.code)
        raise EmailNotSent(template=template, reason=refusal.code) from refusal
    with written_to(person):
        send_email(to, template, link=link, **context)


def count_email(request: HttpRequest, to: str) -> None:
    """Count an e-mail that a visitor makes us send, by mailbox and network. Raises `TooManyAttempts`."""
    attempt_limits.count_attempt(attempt_limits.EMAIL_BY_ADDRESS, attempt_limits.network_of(request))
    attempt_limits.count_attempt(attempt_limits.EMAIL, mailbox_identity(to).casefold())


def send_security_notice(login: Login, event: StrOrPromise, *, to: str = "") -> None:
    """Tell the owner of an account what happened to it; `to` is another address than their present one.

    `event` is a sentence that is translated when it is rendered, so that it is in the language of the owner.

    What happened is not undone when the e-mail cannot be sent; that is logged.
    """
    address, person = to or email_of(login), person_of(login)
    if address:
        with suppress(EmailNotSent):
            send = partial(send_email_to, person) if person else send_email
            send(address, "security_notice", link=reverse("users:reset"), event=event)


def email_of(login: Login) -> str:
    """The e-mail address of a login's owner: the person's, or that of the staff account; may be empty."""
    person = person_of(login)
    contact = load_person(person).contact if person else None
    return contact.email if contact else login.email


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
