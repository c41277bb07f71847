"""A person as their events tell it, always as of now: who they are, and what may be done with their data."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from typing import Final, NamedTuple
from uuid import UUID

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser

from eventshop.core.deterministic_ids import derived_id
from eventshop.core.errors import CommandIdReused
from eventshop.core.message_registry import registry
from eventshop.core.messages import Envelope, Recorded
from eventshop.core.personal_fields import Redacted
from eventshop.eventstore import command_dispatcher
from eventshop.eventstore.backends.protocol import engine
from eventshop.eventstore.records import recorded
from eventshop.web.shared.customer_port import Contact, Wish
from users.application.accounts import person_of
from users.domain.commands import GrantConsent
from users.domain.events import (
    ContactDetailsChanged,
    DataAccessed,
    DataExported,
    ProcessingRecorded,
    UserCreated,
    UserEvent,
)
from users.domain.privacy_notices import current_notice
from users.domain.purposes import expiry, purpose
from users.domain.user import User

#: What fits to an order; everything else is asked on the page of consents alone.
ASKED_AT_CHECKOUT: Final = ("DirectMarketing",)
#: What only goes on record: it changes nothing about a person, and there can be thousands of it.
RECORDED_ONLY: Final = (ProcessingRecorded, DataAccessed, DataExported)


class Person(NamedTuple):
    """One person's events but those that only go on record, and what they come to."""

    id: UUID
    events: list[Recorded[UserEvent]]
    state: User

    @property
    def contact(self) -> Contact | None:
        """None once it is erased."""
        for it_was in reversed(self.events):
            match it_was.event:
                case UserCreated() | ContactDetailsChanged() as it:
                    values = (it.email, it.name, it.phone, it.address)
                    if any(isinstance(value, Redacted) for value in values):
                        return None
                    return Contact(*map(str, values))
        return None


def person(user_id: UUID) -> Person:
    """What made a person what they are; nothing for an id that nobody has."""
    without = [registry.name_of(kind) for kind in RECORDED_ONLY]
    events = _read(f"event_type NOT IN ({', '.join(['%s'] * len(without))}) ORDER BY version", user_id, *without)
    return Person(user_id, events, User().evolve_all(it.event for it in events))


def newest(user_id: UUID, kind: type[UserEvent], most: int) -> list[Recorded[UserEvent]]:
    """The newest events of one kind, the newest first."""
    return _read("event_type = %s ORDER BY version DESC LIMIT %s", user_id, registry.name_of(kind), most)


def _read(condition: str, user_id: UUID, *parameters: object) -> list[Recorded[UserEvent]]:
    rows = engine().select(f"WHERE aggregate_id = %s AND {condition}", (user_id, *parameters))
    return [recorded(row, registry) for row in rows]


class Customers:
    """What this application tells the others about people."""

    join = "users:join"

    def person_of(self, login: AbstractBaseUser | AnonymousUser) -> UUID | None:
        return person_of(login)

    def contact(self, person_id: UUID) -> Contact | None:
        return person(person_id).contact

    def wishes(self, person_id: UUID) -> list[Wish]:
        now, given = datetime.now(UTC), person(person_id).state.consents
        asked = (purpose(term) for term in ASKED_AT_CHECKOUT if term not in given)
        return [Wish(it.term, it.label, it.explained, current_notice(now).version) for it in asked]

    def agree(self, person_id: UUID, wish: Wish, form_id: UUID) -> None:
        now = datetime.now(UTC)
        until = expiry(wish.term, now) or now
        command = GrantConsent(person_id, wish.term, wish.notice, at=now, expires_at=until)
        command_id = derived_id("checkout-consent", form_id, wish.term)
        with suppress(CommandIdReused):
            command_dispatcher.send(command, envelope=Envelope(command_id=command_id, actor=str(person_id)))
