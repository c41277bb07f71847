"""Accounts that nobody has used for the years of the retention rule: their erasure is requested, with a notice.

The person can cancel it until it is due, as one that they requested; a legal hold or an open order makes it wait.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from eventshop.core.deterministic_ids import derive_id
from eventshop.core.errors import CommandIdReused, CommandRefused
from eventshop.core.messages import Envelope
from eventshop.eventstore import command_dispatcher
from eventshop.privacy.erasure import personal_data_holders
from eventshop.privacy.erasure.personal_data_holders import ExpiredItem
from eventshop.privacy.expired_streams import newest_events
from eventshop.web.models import ApiToken
from users.application.customer_adapter import load_person
from users.application.emails import EmailNotSent, send_email_to
from users.application.erasure_links import erasure_link
from users.application.legal_holds import people_on_hold
from users.domain.commands import RequestErasure
from users.domain.user import Status
from users.models import Account

_PAGE: Final = 200


def find_inactive_accounts(before: datetime) -> Iterator[ExpiredItem]:
    """Accounts of customers without a sign-in, event, order, trade or token since then, by the age of the account."""
    unused = Q(login__last_login__lt=before) | Q(login__last_login=None)
    accounts = Account.objects.filter(unused, created_at__lt=before, login__is_staff=False).order_by("pk")
    last = 0
    while page := list(accounts.filter(pk__gt=last).values_list("pk", "person", "login_id")[:_PAGE]):
        people = [person for _, person, _ in page]
        tokens = ApiToken.objects.filter(owner__in=[login for *_, login in page], used_on__gte=before.date())
        used = set(tokens.values_list("owner_id", flat=True))
        ends, held = newest_events(people), people_on_hold(people)
        for _, person, login in page:
            if login not in used and ends.get(person, before) < before and _is_unused(person, before):
                yield ExpiredItem(person, ends[person], "legal hold" if person in held else "")
        last = page[-1][0]


def request_erasures(people: Collection[UUID]) -> str:
    """Request the erasure of these people, and tell them how to keep their account."""
    now, days = timezone.now(), settings.ERASURE_COOLING_OFF_DAYS
    requested = 0
    for person in people:
        due, contact = now + timedelta(days=days), load_person(person).contact
        envelope = Envelope(derive_id("inactive-account", person, now.date().isoformat()), actor="retention")
        with suppress(CommandRefused, CommandIdReused):
            command_dispatcher.send(RequestErasure(person, at=now, due_at=due, source="retention"), envelope=envelope)
            requested += 1
            if contact:
                with suppress(EmailNotSent):
                    send_email_to(
                        person, contact.email, "inactive", link=erasure_link(person), is_answer=True, due=due, days=days
                    )
    return f"{requested} erasures requested"


def _is_unused(person: UUID, since: datetime) -> bool:
    if personal_data_holders.is_used_since(person, since) or personal_data_holders.find_blockers(person):
        return False
    return load_person(person).state.status is Status.ACTIVE
