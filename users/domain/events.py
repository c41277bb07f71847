"""Events of the User aggregate."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Final, Literal, TypeAlias
from uuid import UUID

import msgspec
from msgspec import Struct

from eventshop.core.human_text import VISIBLE_TEXT
from eventshop.core.messages import Event, Instant, MultilineText, NonEmptyText, Text
from eventshop.core.personal_fields import DataCategory, NotPersonal, Personal, Redacted

#: One @ with text on both sides. Only an e-mail to the address can prove that somebody reads it.
Email: TypeAlias = Annotated[str, msgspec.Meta(max_length=200, pattern=r"^[^\s@]+@[^\s@]+\.[^\s@]+\Z"), VISIBLE_TEXT]
#: The channel that a decision came through.
Source: TypeAlias = Literal["page", "staff", "api", "import", "retention"]

#: A purpose or legal basis of the lists in `users.domain.purposes`, or the version of a privacy notice.
Term: TypeAlias = Annotated[NonEmptyText, NotPersonal("a term of a list of the program")]
#: A text in the words of staff about a person.
STAFF_NOTE: Final = Personal(of="user_id", purpose="notes", since=2, free_text=True)
Note: TypeAlias = NonEmptyText | Redacted

#: A part of a person's data that can be erased by itself; `users.domain.categories` says what is in it.
PartOfData: TypeAlias = Literal["contact", "delivery", "marketing", "notes", "trading notes"]
Category: TypeAlias = Literal[PartOfData, "everything"]

CONTACT: Final = Personal(of="user_id", purpose="contact")
#: Where parcels go to. The orders of a person keep theirs under the same key.
DELIVERY: Final = Personal(of="user_id", purpose="delivery")
#: The e-mail address is unique among all people.
CONTACT_EMAIL: Final = Personal(of="user_id", purpose="contact", unique="email")
#: What was written to or chosen for a person because they agreed to it: the key is destroyed when they no longer do.
OFFER: Final = Personal(of="user_id", purpose="direct-marketing", since=3, free_text=True)
SUGGESTION: Final = Personal(of="user_id", purpose="personalisation", since=3, free_text=True)


class UserCreated(Event, frozen=True):
    """A person was signed up."""

    user_id: UUID
    email: Annotated[Email | Redacted, CONTACT_EMAIL]
    name: Annotated[NonEmptyText | Redacted, CONTACT]
    phone: Annotated[Text | Redacted, CONTACT]
    address: Annotated[MultilineText | Redacted, CONTACT]
    source: Source


class ContactDetailsChanged(Event, frozen=True):
    """A person's contact details were replaced (Art. 16 GDPR)."""

    user_id: UUID
    email: Annotated[Email | Redacted, CONTACT_EMAIL]
    name: Annotated[NonEmptyText | Redacted, CONTACT]
    phone: Annotated[Text | Redacted, CONTACT]
    address: Annotated[MultilineText | Redacted, CONTACT]
    source: Source


class PreferencesChanged(Event, frozen=True):
    """A person chose the language and the time zone in which they are written to."""

    user_id: UUID
    language: Annotated[Text | Redacted, CONTACT]  # a code of `users.domain.preferences`
    time_zone: Annotated[Text | Redacted, CONTACT]  # a name of the time zone database
    source: Source


class DeliveryAddressSaved(Event, frozen=True):
    """A person added an address to their address book, or changed one that is in it."""

    user_id: UUID
    address_id: UUID
    name: Annotated[NonEmptyText | Redacted, DELIVERY]
    address: Annotated[MultilineText | Redacted, DELIVERY]
    is_default: bool  # from now on it is offered first, in place of the one before
    source: Source


class DeliveryAddressRemoved(Event, frozen=True):
    """A person took an address out of their address book."""

    user_id: UUID
    address_id: UUID
    source: Source


class ConsentGranted(Event, frozen=True):
    """A person consented to one purpose, in the wording of one version of the privacy notice."""

    user_id: UUID
    purpose: Term  # a DPV term
    notice: Term
    notice_digest: Term  # SHA-256 of the text that was shown
    legal_basis: Term  # an EU-GDPR term
    source: Source
    expires_at: Instant


class ConsentWithdrawn(Event, frozen=True):
    """A person withdrew a consent; earlier processing stays lawful (Art. 7(3) GDPR)."""

    user_id: UUID
    purpose: Term
    source: Source


class ConsentExpired(Event, frozen=True):
    """A consent reached its expiry date."""

    user_id: UUID
    purpose: Term


class ProcessingRecorded(Event, frozen=True):
    """A person's data was used on a valid legal basis.

    Fields with defaults are missing in events of earlier versions.
    """

    schema_version = 3

    user_id: UUID
    purpose: Term
    legal_basis: Term
    activity: Annotated[Note, STAFF_NOTE]
    recipient: Annotated[Text | Redacted, STAFF_NOTE]  # third party that received data; empty: none
    data: tuple[DataCategory, ...] = ()
    about: UUID | None = None  # what it was used for, such as an order
    offer: Annotated[Text | Redacted, OFFER] = ""  # rests on the consent to direct marketing
    suggestion: Annotated[Text | Redacted, SUGGESTION] = ""  # rests on the consent to personalisation


class ProcessingRestricted(Event, frozen=True):
    """The data is kept and used only where the law requires it (Art. 18 GDPR)."""

    user_id: UUID
    reason: Annotated[NonEmptyText | Redacted, CONTACT]
    source: Source


class ProcessingResumed(Event, frozen=True):
    """The restriction was lifted: the data may be used again."""

    user_id: UUID
    source: Source


class DataAccessed(Event, frozen=True):
    """A staff member displayed masked personal data; the person can see this event."""

    schema_version = 2

    user_id: UUID
    fields: tuple[Annotated[NonEmptyText, NotPersonal("the name of a field")], ...]
    reason: Annotated[Note, STAFF_NOTE]
    staff: Annotated[NonEmptyText, NotPersonal("an account of staff")]  # user name of the staff account


class DataExported(Event, frozen=True):
    """The person received a copy of all their data (Art. 15 and 20 GDPR)."""

    user_id: UUID
    format: Literal["json", "page"]


class LegalHoldPlaced(Event, frozen=True):
    """The data must be kept for now, even if the person requests erasure (Art. 17(3) GDPR)."""

    schema_version = 2

    user_id: UUID
    hold: Annotated[Note, STAFF_NOTE]  # identifies the hold, such as a file number
    reason: Annotated[Note, STAFF_NOTE]


class LegalHoldReleased(Event, frozen=True):
    """A legal hold ended."""

    schema_version = 2

    user_id: UUID
    hold: Annotated[Note, STAFF_NOTE]


class ErasureRequested(Event, frozen=True):
    """The person requested erasure and can cancel it until `due_at` (Art. 17 GDPR)."""

    user_id: UUID
    due_at: Instant
    source: Source


class ErasureCancelled(Event, frozen=True):
    """The person cancelled the erasure."""

    user_id: UUID
    source: Source


class ErasureBegun(Event, frozen=True):
    """The cooling-off period is over; from now on only `DataErased` can follow."""

    user_id: UUID


class CategoriesErased(Event, frozen=True):
    """The person's data of these categories is erased; they stay a customer. Consumers that copied it must erase it."""

    user_id: UUID
    categories: tuple[Category, ...]
    source: Source


class Kept(Struct, frozen=True, forbid_unknown_fields=True):
    """Data that survives the erasure: the legal duty to keep it, and until when (empty: as long as the duty lasts)."""

    what: Annotated[NonEmptyText, NotPersonal("from the retention file")]
    duty: Annotated[NonEmptyText, NotPersonal("from the retention file")]
    until: date | None


class DataErased(Event, frozen=True):
    """The keys of this person's data are destroyed. Consumers that copied the data must erase it too."""

    user_id: UUID
    purposes: tuple[Term, ...]  # purposes whose keys are destroyed
    consents: tuple[Term, ...]  # purposes whose consents ended with the erasure
    kept: tuple[Kept, ...]


UserEvent: TypeAlias = (
    UserCreated
    | ContactDetailsChanged
    | PreferencesChanged
    | DeliveryAddressSaved
    | DeliveryAddressRemoved
    | ConsentGranted
    | ConsentWithdrawn
    | ConsentExpired
    | ProcessingRecorded
    | ProcessingRestricted
    | ProcessingResumed
    | DataAccessed
    | DataExported
    | LegalHoldPlaced
    | LegalHoldReleased
    | ErasureRequested
    | ErasureCancelled
    | ErasureBegun
    | CategoriesErased
    | DataErased
)
