"""Commands of the User aggregate. `at` is the business time of a command: no rule reads a clock."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias
from uuid import UUID

from eventshop.core.errors import InvalidMessage
from eventshop.core.messages import Command, Instant, MultilineText, Name, NonEmptyText, Text
from eventshop.core.personal_fields import DataCategory, NotPersonal
from users.domain.events import (
    CONTACT,
    CONTACT_EMAIL,
    DELIVERY,
    OFFER,
    STAFF_NOTE,
    SUGGESTION,
    Category,
    Email,
    Kept,
    Source,
    Term,
)
from users.domain.preferences import LANGUAGES, time_zones
from users.domain.privacy_notices import notice_shown_at
from users.domain.purposes import get_purpose


class CreateUser(Command, frozen=True):
    """Sign a person up."""

    user_id: UUID
    email: Annotated[Email, CONTACT_EMAIL]
    name: Annotated[Name, CONTACT]
    phone: Annotated[Text, CONTACT] = ""
    address: Annotated[MultilineText, CONTACT] = ""
    source: Source = "page"


class ChangeContactDetails(Command, frozen=True):
    """Replace all contact details of a person (Art. 16 GDPR)."""

    user_id: UUID
    email: Annotated[Email, CONTACT_EMAIL]
    name: Annotated[Name, CONTACT]
    phone: Annotated[Text, CONTACT] = ""
    address: Annotated[MultilineText, CONTACT] = ""
    source: Source = "page"


class ChangePreferences(Command, frozen=True):
    """Choose the language and the time zone of letters."""

    user_id: UUID
    language: Annotated[Text, CONTACT]
    time_zone: Annotated[Text, CONTACT]
    source: Source = "page"

    def __post_init__(self) -> None:
        if self.language not in LANGUAGES:
            raise InvalidMessage("this language is not offered", language=self.language, offered=", ".join(LANGUAGES))
        if self.time_zone not in time_zones():
            raise InvalidMessage("this time zone is not known", time_zone=self.time_zone, such_as="Europe/Berlin")


class SaveDeliveryAddress(Command, frozen=True):
    """Add an address to the address book, or replace the one with this id."""

    user_id: UUID
    address_id: UUID
    name: Annotated[Name, DELIVERY]
    address: Annotated[MultilineText, DELIVERY]
    is_default: bool = False
    source: Source = "page"

    def __post_init__(self) -> None:
        if not self.address.strip():
            raise InvalidMessage("an address has at least one line")


class RemoveDeliveryAddress(Command, frozen=True):
    """Take an address out of the address book."""

    user_id: UUID
    address_id: UUID
    source: Source = "page"


class GrantConsent(Command, frozen=True):
    """Consent to one purpose, in the wording of the privacy notice that is shown at the time."""

    user_id: UUID
    purpose: Term
    notice: Term
    at: Instant
    expires_at: Instant
    source: Source = "page"

    def __post_init__(self) -> None:
        get_purpose(self.purpose)
        notice_shown_at(self.notice, self.at)
        if self.expires_at <= self.at:
            raise InvalidMessage("a consent ends after it was given", at=self.at, expires_at=self.expires_at)


class WithdrawConsent(Command, frozen=True):
    """Withdraw the consent to one purpose (Art. 7(3) GDPR)."""

    user_id: UUID
    purpose: Term
    source: Source = "page"

    def __post_init__(self) -> None:
        get_purpose(self.purpose)


class ExpireConsent(Command, frozen=True):
    """End the consent that was to expire at `expires_at`; sent by the timer of the consent expiry saga."""

    user_id: UUID
    purpose: Term
    expires_at: Instant
    at: Instant

    def __post_init__(self) -> None:
        get_purpose(self.purpose)


class RecordProcessing(Command, frozen=True):
    """Record a use of a person's data; refused without a valid legal basis."""

    user_id: UUID
    purpose: Term
    activity: Annotated[NonEmptyText, STAFF_NOTE]
    at: Instant
    recipient: Annotated[Text, STAFF_NOTE] = ""
    data: tuple[DataCategory, ...] = ()
    about: UUID | None = None
    offer: Annotated[Text, OFFER] = ""
    suggestion: Annotated[Text, SUGGESTION] = ""

    added_fields = ("data", "about", "offer", "suggestion")

    def __post_init__(self) -> None:
        key = get_purpose(self.purpose).key
        if (self.offer and key != OFFER.purpose) or (self.suggestion and key != SUGGESTION.purpose):
            raise InvalidMessage("an offer or a suggestion rests on the consent to its purpose", purpose=self.purpose)


class RestrictProcessing(Command, frozen=True):
    """Keep the data without using it (Art. 18 GDPR)."""

    user_id: UUID
    reason: Annotated[NonEmptyText, CONTACT]
    source: Source = "page"


class LiftRestriction(Command, frozen=True):
    """Allow the use of the data again."""

    user_id: UUID
    source: Source = "page"


class RecordAccess(Command, frozen=True):
    """Record that a staff member displays masked personal data."""

    user_id: UUID
    fields: tuple[Annotated[NonEmptyText, NotPersonal("the name of a field")], ...]
    reason: Annotated[NonEmptyText, STAFF_NOTE]
    staff: Annotated[NonEmptyText, NotPersonal("an account of staff")]

    def __post_init__(self) -> None:
        if not self.fields:
            raise InvalidMessage("name at least one field that is displayed")


class ExportData(Command, frozen=True):
    """Record that a person receives a copy of their data (Art. 15 and 20 GDPR)."""

    user_id: UUID
    format: Literal["json", "page"] = "json"


class PlaceLegalHold(Command, frozen=True):
    """Prevent the erasure of a person's data for now (Art. 17(3) GDPR)."""

    user_id: UUID
    hold: Annotated[NonEmptyText, STAFF_NOTE]
    reason: Annotated[NonEmptyText, STAFF_NOTE]


class ReleaseLegalHold(Command, frozen=True):
    """End one legal hold."""

    user_id: UUID
    hold: Annotated[NonEmptyText, STAFF_NOTE]


class RequestErasure(Command, frozen=True):
    """Request erasure (Art. 17 GDPR). The person can cancel the request until `due_at`."""

    user_id: UUID
    at: Instant
    due_at: Instant
    source: Source = "page"

    def __post_init__(self) -> None:
        if self.due_at < self.at:
            raise InvalidMessage("erasure cannot be due before it is requested", at=self.at, due_at=self.due_at)


class CancelErasure(Command, frozen=True):
    """Cancel a requested erasure."""

    user_id: UUID
    source: Source = "page"


class BeginErasure(Command, frozen=True):
    """Start the erasure after the cooling-off period; sent by the erasure saga."""

    user_id: UUID
    at: Instant


class EraseData(Command, frozen=True):
    """Erase some categories of a person's data.

    `everything` records that all keys are destroyed; the erasure job sends it after it has destroyed them.
    """

    added_fields = ("categories", "source")

    user_id: UUID
    purposes: tuple[Term, ...] = ()
    kept: tuple[Kept, ...] = ()
    categories: tuple[Category, ...] = ("everything",)
    source: Source = "staff"

    def __post_init__(self) -> None:
        if not self.categories:
            raise InvalidMessage("name at least one category that is erased")
        if "everything" in self.categories and len(self.categories) > 1:
            raise InvalidMessage("`everything` includes all other categories", categories=self.categories)
        if self.categories != ("everything",) and (self.purposes or self.kept):
            raise InvalidMessage("the categories say what is erased: leave purposes and kept out")


UserCommand: TypeAlias = (
    CreateUser
    | ChangeContactDetails
    | ChangePreferences
    | SaveDeliveryAddress
    | RemoveDeliveryAddress
    | GrantConsent
    | WithdrawConsent
    | ExpireConsent
    | RecordProcessing
    | RestrictProcessing
    | LiftRestriction
    | RecordAccess
    | ExportData
    | PlaceLegalHold
    | ReleaseLegalHold
    | RequestErasure
    | CancelErasure
    | BeginErasure
    | EraseData
)
