"""A person as replayed from their events, and the adapter that implements the customer port.

Reads the event store instead of a read model, so that callers read their own writes.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from typing import Final, NamedTuple
from uuid import UUID

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser

from eventshop.core.deterministic_ids import derive_id
from eventshop.core.errors import CommandIdReused
from eventshop.core.message_registry import registry
from eventshop.core.messages import Envelope, RecordedEvent
from eventshop.core.personal_fields import Redacted
from eventshop.eventstore import command_dispatcher
from eventshop.eventstore.backends.protocol import backend
from eventshop.eventstore.records import to_recorded_event
from eventshop.web.shared.customer_port import (
    ConsentOption,
    Contact,
    DeliveryAddress,
    Preferences,
    shop_preferences,
)
from users.application.accounts import person_of, remember_person
from users.domain.commands import ChangeContactDetails, GrantConsent
from users.domain.events import (
    ContactDetailsChanged,
    DataAccessed,
    DataExported,
    DeliveryAddressRemoved,
    DeliveryAddressSaved,
    PreferencesChanged,
    ProcessingRecorded,
    UserCreated,
    UserEvent,
)
from users.domain.privacy_notices import current_notice
from users.domain.purposes import consent_expiry, get_purpose
from users.domain.user import User

#: Purposes whose consent the checkout asks for; the consent page asks for all others.
CHECKOUT_PURPOSES: Final = ("DirectMarketing",)
#: Events that do not change the state of a person; there can be thousands of them.
RECORD_ONLY_EVENTS: Final = (ProcessingRecorded, DataAccessed, DataExported)


class Person(NamedTuple):
    """One person's events without `RECORD_ONLY_EVENTS`, and the state that they fold into."""

    id: UUID
    events: list[RecordedEvent[UserEvent]]
    state: User

    @property
    def contact(self) -> Contact | None:
        """The current contact details; None after erasure."""
        for recorded_event in reversed(self.events):
            match recorded_event.event:
                case UserCreated() | ContactDetailsChanged() as details:
                    values = (details.email, details.name, details.phone, details.address)
                    if any(isinstance(value, Redacted) for value in values):
                        return None
                    return Contact(*map(str, values))
        return None

    @property
    def preferences(self) -> Preferences:
        """The language and time zone that were chosen; those of the shop without a choice, and after erasure."""
        for recorded_event in reversed(self.events):
            if isinstance(event := recorded_event.event, PreferencesChanged):
                if isinstance(event.language, Redacted) or isinstance(event.time_zone, Redacted):
                    break
                return Preferences(event.language, event.time_zone)
        return shop_preferences()

    @property
    def address_book(self) -> dict[UUID, DeliveryAddress]:
        """The addresses of the address book that are not erased, in the order in which they were added."""
        book: dict[UUID, DeliveryAddress] = {}
        for recorded_event in self.events:
            match recorded_event.event:
                case DeliveryAddressSaved(name=str() as name, address=str() as address) as saved:
                    if saved.is_default:
                        book = {key: entry._replace(is_default=False) for key, entry in book.items()}
                    book[saved.address_id] = DeliveryAddress(
                        str(saved.address_id), name, address, is_default=saved.is_default
                    )
                case DeliveryAddressSaved(address_id=key) | DeliveryAddressRemoved(address_id=key):
                    book.pop(key, None)
        return book


def load_person(user_id: UUID) -> Person:
    """Load a person; an unknown id gives a person without events, in state UNKNOWN."""
    excluded = [registry.name_of(event_type) for event_type in RECORD_ONLY_EVENTS]
    condition = f"event_type NOT IN ({', '.join(['%s'] * len(excluded))}) ORDER BY version"
    events = _select_events(condition, user_id, *excluded)
    return Person(user_id, events, User().evolve_all(event.event for event in events))


def newest_events(user_id: UUID, event_type: type[UserEvent], limit: int) -> list[RecordedEvent[UserEvent]]:
    """The newest `limit` events of one type, newest first."""
    condition = "event_type = %s ORDER BY version DESC LIMIT %s"
    return _select_events(condition, user_id, registry.name_of(event_type), limit)


def _select_events(condition: str, user_id: UUID, *parameters: object) -> list[RecordedEvent[UserEvent]]:
    rows = backend().select_events(f"WHERE aggregate_id = %s AND {condition}", (user_id, *parameters))
    return [to_recorded_event(row, registry) for row in rows]


class CustomerAdapter:
    """Implements the customer port for the other applications."""

    join_url_name = "users:join"
    person_sql = "SELECT account.person FROM users_account AS account WHERE account.login_id = login.id"

    def remember_person(self, login: AbstractBaseUser, person: UUID | None) -> None:
        remember_person(login, person)

    def person_of(self, login: AbstractBaseUser | AnonymousUser) -> UUID | None:
        return person_of(login)

    def contact_of(self, person_id: UUID) -> Contact | None:
        return load_person(person_id).contact

    def preferences_of(self, person_id: UUID) -> Preferences:
        return load_person(person_id).preferences

    def delivery_addresses(self, person_id: UUID) -> list[DeliveryAddress]:
        person = load_person(person_id)
        contact, book = person.contact, list(person.address_book.values())
        if contact and contact.address:
            is_default = not any(entry.is_default for entry in book)
            book.insert(0, DeliveryAddress("details", contact.name, contact.address, is_default=is_default))
        return book

    def set_address(self, person_id: UUID, name: str, address: str, form_id: UUID) -> None:
        contact = self.contact_of(person_id)
        if contact is None or (contact.name, contact.address) == (name, address):
            return
        command = ChangeContactDetails(person_id, contact.email, name, contact.phone, address)
        command_dispatcher.send(command, envelope=Envelope(command_id=form_id, actor=str(person_id)))

    def consent_options(self, person_id: UUID) -> list[ConsentOption]:
        now, given = datetime.now(UTC), load_person(person_id).state.consents
        purposes = (get_purpose(term) for term in CHECKOUT_PURPOSES if term not in given)
        version = current_notice(now).version
        return [ConsentOption(purpose.term, purpose.label, purpose.description, version) for purpose in purposes]

    def grant_consent(self, person_id: UUID, option: ConsentOption, form_id: UUID) -> None:
        now = datetime.now(UTC)
        until = consent_expiry(option.term, now) or now
        command = GrantConsent(person_id, option.term, option.notice, at=now, expires_at=until)
        command_id = derive_id("checkout-consent", form_id, option.term)
        with suppress(CommandIdReused):
            command_dispatcher.send(command, envelope=Envelope(command_id=command_id, actor=str(person_id)))
