"""Hands a letter to the mail server. What the server certainly did not take can be tried again."""

from __future__ import annotations

from collections.abc import Callable
from smtplib import SMTPDataError, SMTPException, SMTPRecipientsRefused, SMTPResponseException, SMTPSenderRefused
from typing import Final
from uuid import UUID

from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection
from django.core.mail.utils import DNS_NAME

from eventshop.projections.effects.effect_projection import EffectNotPerformed, EffectRefused
from eventshop.web.letters.letter import Letter, render_html, render_text

_PERMANENT: Final = 500


def build_message(letter: Letter, to: str, message_id: UUID | None = None) -> EmailMultiAlternatives:
    """The e-mail: text and HTML. The same `message_id` gives the same `Message-ID`, so that a repetition is seen."""
    headers = {"Auto-Submitted": "auto-generated", "Content-Language": letter.language or settings.LANGUAGE_CODE}
    if message_id is not None:
        headers["Message-ID"] = f"<{message_id}@{DNS_NAME.get_fqdn()}>"
    if letter.unsubscribe_url:  # RFC 8058: the mail program may unsubscribe by itself
        headers["List-Unsubscribe"] = f"<{letter.unsubscribe_url}>"
        headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message = EmailMultiAlternatives(
        letter.subject, render_text(letter), settings.DEFAULT_FROM_EMAIL, [to], headers=headers
    )
    message.attach_alternative(render_html(letter), "text/html")
    return message


def prepare_mail(letter: Letter, to: str, message_id: UUID) -> Callable[[], None]:
    """Build the e-mail and open the connection; what is returned sends it. Raises `EffectNotPerformed`.

    The returned function raises `EffectNotPerformed` or `EffectRefused` if the mail server has said that it did not
    take the e-mail; after any other error it may have.
    """
    connection = get_connection()
    message = build_message(letter, to, message_id)
    try:
        connection.open()
    except (OSError, SMTPException) as error:  # they may hold the address: only their type is kept
        raise EffectNotPerformed(f"The mail server cannot be reached: {type(error).__name__}") from None

    def send() -> None:
        try:
            connection.send_messages([message])
        except (SMTPRecipientsRefused, SMTPSenderRefused, SMTPDataError) as error:
            code = _code_of(error)
            kind = EffectRefused if code >= _PERMANENT else EffectNotPerformed
            raise kind(f"The mail server refused it: {code}") from None
        finally:
            connection.close()

    return send


def _code_of(error: SMTPRecipientsRefused | SMTPResponseException) -> int:
    if isinstance(error, SMTPResponseException):
        return error.smtp_code
    return max((code for code, _ in error.recipients.values()), default=0)
