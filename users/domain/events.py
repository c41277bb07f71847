"""What can happen to a person's data."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Final, Literal, TypeAlias
from uuid import UUID

import msgspec
from msgspec import Struct

from eventshop.core.messages import Event, Instant, Name, Text
from eventshop.core.personal_fields import Personal, Redacted

#: One @ with something on both sides; whether it is read there, only a letter to it can tell.
Email: TypeAlias = Annotated[str, msgspec.Meta(max_length=200, pattern=r"^[^\s@]+@[^\s@]+\.[^\s@]+\Z")]
#: Several lines of text without other control characters.
Lines: TypeAlias = Annotated[str, msgspec.Meta(max_length=1_000, pattern=r"^[^\x00-\x09\x0b-\x1f\x7f]*\Z")]
#: Where a decision came from.
Source: TypeAlias = Literal["page", "staff", "api", "import"]

CONTACT: Final = Personal(of="user_id", purpose="contact")
#: The one value that no two people share.
CONTACT_EMAIL: Final = Personal(of="user_id", purpose="contact", unique="email")


class UserCreated(Event, frozen=True):
    """A person signed up, or was signed up."""

    user_id: UUID
    email: Annotated[Email | Redacted, CONTACT_EMAIL]
    name: Annotated[Name | Redacted, CONTACT]
    phone: Annotated[Text | Redacted, CONTACT]
    address: Annotated[Lines | Redacted, CONTACT]
    source: Source


class ContactDetailsChanged(Event, frozen=True):
    """A person's details are these from now on (Art. 16 GDPR)."""

    user_id: UUID
    email: Annotated[Email | Redacted, CONTACT_EMAIL]
    name: Annotated[Name | Redacted, CONTACT]
    phone: Annotated[Text | Redacted, CONTACT]
    address: Annotated[Lines | Redacted, CONTACT]
    source: Source


class ConsentGranted(Event, frozen=True):
    """A person agreed to one purpose, shown in the words of one version of the notice."""

    user_id: UUID
    purpose: Name  # a DPV term
    notice: Name
    notice_digest: Name  # SHA-256 of the words they saw
    legal_basis: Name  # an EU-GDPR term
    source: Source
    expires_at: Instant


class ConsentWithdrawn(Event, frozen=True):
    """A person took a consent back; what was done before stays lawful (Art. 7(3) GDPR)."""

    user_id: UUID
    purpose: Name
    source: Source


class ConsentExpired(Event, frozen=True):
    """A consent ended by itself."""

    user_id: UUID
    purpose: Name


class ProcessingRecorded(Event, frozen=True):
    """A person's data was used for something, on a ground that held."""

    user_id: UUID
    purpose: Name
    legal_basis: Name
    activity: Name  # what was done, in words without personal data
    recipient: Text  # who else received data; empty: nobody


class ProcessingRestricted(Event, frozen=True):
    """From now on the data is kept, and used only where the law demands it (Art. 18 GDPR)."""

    user_id: UUID
    reason: Annotated[Name | Redacted, CONTACT]
    source: Source


class ProcessingResumed(Event, frozen=True):
    """The data may be used again."""

    user_id: UUID
    source: Source


class DataAccessed(Event, frozen=True):
    """Somebody of the staff looked at personal data that is masked otherwise; the person can see that."""

    user_id: UUID
    fields: tuple[Name, ...]
    reason: Name
    staff: Name  # who: the name of a staff account


class DataExported(Event, frozen=True):
    """The person took a copy of everything that is held about them (Art. 15 and 20 GDPR)."""

    user_id: UUID
    format: Literal["json", "page"]


class LegalHoldPlaced(Event, frozen=True):
    """The data must be kept for now, whatever the person asks for (Art. 17(3) GDPR)."""

    user_id: UUID
    hold: Name  # what it is known by, such as a file number
    reason: Name


class LegalHoldReleased(Event, frozen=True):
    """That hold is over."""

    user_id: UUID
    hold: Name


class ErasureRequested(Event, frozen=True):
    """The person wants their data erased; until then they can change their mind."""

    user_id: UUID
    due_at: Instant
    source: Source


class ErasureCancelled(Event, frozen=True):
    """The person changed their mind."""

    user_id: UUID
    source: Source


class ErasureBegun(Event, frozen=True):
    """The cooling-off is over: nothing else can happen to this person's data any more."""

    user_id: UUID


class Kept(Struct, frozen=True, forbid_unknown_fields=True):
    """What erasing leaves, and why: under which duty, until when (empty: for as long as that duty lasts)."""

    what: Name
    duty: Name
    until: date | None


class DataErased(Event, frozen=True):
    """The keys of this person's data are destroyed. Whoever copied something from here must erase it too."""

    user_id: UUID
    purposes: tuple[Name, ...]  # whose keys are gone
    consents: tuple[Name, ...]  # to which purposes: they ended with it
    kept: tuple[Kept, ...]


UserEvent: TypeAlias = (
    UserCreated
    | ContactDetailsChanged
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
    | DataErased
)
