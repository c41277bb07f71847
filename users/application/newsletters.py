"""Sends newsletters: each once to everybody whose consent to direct marketing is in force at that moment."""

from __future__ import annotations

from datetime import timedelta
from time import monotonic
from typing import Final
from uuid import UUID

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from eventshop.core.errors import CommandRefused
from eventshop.eventstore.backends.protocol import backend
from eventshop.eventstore.records import EventRow
from eventshop.operations.periodic_jobs import PeriodicJob
from eventshop.privacy import encrypted_tokens
from eventshop.privacy.processing import DataUse, use_data_of_many
from eventshop.web.letters.letter import Letter, site_url, written_for
from eventshop.web.letters.mail import build_message
from users.application.customer_adapter import load_person
from users.models import Newsletter

PURPOSE: Final = "DirectMarketing"
EVERY: Final = timedelta(minutes=1)
#: How long one run goes on: it must end before its lease does.
RUN_S: Final = 30.0
#: Consents whose uses are recorded in one transaction. A process that is killed loses at most so many letters.
GROUP: Final = 20
_LINK_KIND: Final = "newsletter"
LINK_MAX_AGE_S: Final = 730 * 24 * 3600


def send_newsletters() -> str:
    """Send released newsletters, the oldest first, as far as the time goes; returns what was done, for staff."""
    ends_at, sent = monotonic() + RUN_S, 0
    for letter in Newsletter.objects.filter(is_released=True, finished_at=None).order_by("created_at"):
        before = letter.sent
        while letter.finished_at is None and monotonic() < ends_at:
            _send_group(letter)
        sent += letter.sent - before
    return f"{sent} letters sent"


def _send_group(letter: Newsletter) -> None:
    rows = _next_consents(letter.cursor)
    people = [row.aggregate_id for row in rows]
    for person, outcome in zip(people, use_data_of_many([_use(letter, person) for person in people]), strict=True):
        if isinstance(outcome, CommandRefused):
            letter.without_ground += 1
        elif outcome:
            try:
                _send(letter, person)
                letter.sent += 1
            except OSError:  # the consent was used: a repeated letter is worse than a lost one
                letter.failed += 1
    if len(rows) < GROUP:
        letter.finished_at = timezone.now()
    letter.cursor = rows[-1].position if rows else letter.cursor
    letter.save(update_fields=["cursor", "sent", "without_ground", "failed", "finished_at"])


def _next_consents(after: int) -> list[EventRow]:
    return list(
        backend().select_events(
            f"WHERE event_type = %s AND payload LIKE %s AND position > %s ORDER BY position LIMIT {GROUP}",
            ("ConsentGranted", f'%"{PURPOSE}"%', after),
        )
    )


def _use(letter: Newsletter, person: UUID) -> DataUse:
    return DataUse(person, PURPOSE, "A newsletter", ("e-mail address",), letter.newsletter_id, offer=letter.subject)


def _send(letter: Newsletter, person: UUID) -> None:
    reader = load_person(person)
    if reader.contact is None:
        raise OSError("no address")
    link = site_url(reverse("users:leave-newsletter", args=[encrypted_tokens.encrypt_token(_LINK_KIND, person)]))
    paragraphs = [part for part in letter.text.replace("\r\n", "\n").split("\n\n") if part.strip()]
    with written_for(reader.preferences):  # the frame of the letter; its text is that of staff
        because = _("You get this because you agreed to it.")
        mail = Letter(letter.subject, paragraphs, because=because, unsubscribe_url=link, language=get_language() or "")
    build_message(mail, reader.contact.email).send()


def person_from_link(token: str) -> UUID | None:
    """The person that a link to unsubscribe is about; None for an invalid or expired one."""
    try:
        return encrypted_tokens.decrypt_token(_LINK_KIND, token, UUID, max_age_s=LINK_MAX_AGE_S)
    except encrypted_tokens.InvalidLink:
        return None


NEWSLETTERS: Final = PeriodicJob("send-newsletters", EVERY, send_newsletters)
