"""Sends newsletters: each once to everybody whose consent to direct marketing is in force at that moment."""

from __future__ import annotations

from datetime import timedelta
from typing import Final
from uuid import UUID

from django.urls import reverse
from django.utils import timezone

from eventshop.core.errors import CommandRefused
from eventshop.eventstore.backends.protocol import backend
from eventshop.eventstore.records import EventRow
from eventshop.operations.periodic_jobs import PeriodicJob
from eventshop.privacy import encrypted_tokens
from eventshop.privacy.processing import DataUse, use_personal_data
from eventshop.web.letters.letter import Letter, site_url
from eventshop.web.letters.mail import build_message
from users.application.customer_adapter import load_person
from users.models import Newsletter

PURPOSE: Final = "DirectMarketing"
EVERY: Final = timedelta(minutes=1)
#: Consents that one run looks at: it must end before its lease does.
BATCH: Final = 200
_LINK_KIND: Final = "newsletter"
LINK_MAX_AGE_S: Final = 730 * 24 * 3600


def send_newsletters() -> str:
    """Send the next batch of each released newsletter; returns what was done, for staff."""
    letters = Newsletter.objects.filter(is_released=True, finished_at=None)
    return f"{sum(_send_batch(letter) for letter in letters.order_by('created_at'))} letters sent"


def _send_batch(letter: Newsletter) -> int:
    rows, sent = _next_consents(letter.cursor), 0
    for row in rows:
        try:
            if _may_send(letter, row.aggregate_id):
                letter.sent, sent = letter.sent + 1, sent + 1
                _send(letter, row.aggregate_id)
        except CommandRefused:
            letter.without_ground += 1
        except OSError:  # the consent was used: a repeated letter is worse than a lost one
            letter.sent, letter.failed = letter.sent - 1, letter.failed + 1
        letter.cursor = row.position
    if len(rows) < BATCH:
        letter.finished_at = timezone.now()
    letter.save(update_fields=["cursor", "sent", "without_ground", "failed", "finished_at"])
    return sent


def _next_consents(after: int) -> list[EventRow]:
    return list(
        backend().select_events(
            f"WHERE event_type = %s AND payload LIKE %s AND position > %s ORDER BY position LIMIT {BATCH}",
            ("ConsentGranted", f'%"{PURPOSE}"%', after),
        )
    )


def _may_send(letter: Newsletter, person: UUID) -> bool:
    """Whether the letter was not sent to this person yet. Raises `CommandRefused` without a consent in force."""
    use = DataUse(person, PURPOSE, "A newsletter", ("e-mail address",), letter.newsletter_id, offer=letter.subject)
    return use_personal_data(use)


def _send(letter: Newsletter, person: UUID) -> None:
    contact = load_person(person).contact
    if contact is None:
        raise OSError("no address")
    link = site_url(reverse("users:leave-newsletter", args=[encrypted_tokens.encrypt_token(_LINK_KIND, person)]))
    paragraphs = [part for part in letter.text.replace("\r\n", "\n").split("\n\n") if part.strip()]
    because = "You get this because you agreed to it."
    mail = Letter(letter.subject, paragraphs, because=because, unsubscribe_url=link)
    build_message(mail, contact.email).send()


def person_from_link(token: str) -> UUID | None:
    """The person that a link to unsubscribe is about; None for an invalid or expired one."""
    try:
        return encrypted_tokens.decrypt_token(_LINK_KIND, token, UUID, max_age_s=LINK_MAX_AGE_S)
    except encrypted_tokens.InvalidLink:
        return None


NEWSLETTERS: Final = PeriodicJob("send-newsletters", EVERY, send_newsletters)
