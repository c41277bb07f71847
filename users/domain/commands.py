"""What can be asked of a person's data. `at` is when: several rules depend on it, and none of them reads a clock."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias
from uuid import UUID

from eventshop.core.errors import InvalidMessage
from eventshop.core.messages import Command, Instant, Name, Text
from users.domain.events import CONTACT, CONTACT_EMAIL, Email, Kept, Lines, Source
from users.domain.privacy_notices import valid_notice
from users.domain.purposes import purpose


class CreateUser(Command, frozen=True):
    """Sign somebody up."""

    user_id: UUID
    email: Annotated[Email, CONTACT_EMAIL]
    name: Annotated[Name, CONTACT]
    phone: Annotated[Text, CONTACT] = ""
    address: Annotated[Lines, CONTACT] = ""
    source: Source = "page"


class ChangeContactDetails(Command, frozen=True):
    """Put a person's details right, all of them at once."""

    user_id: UUID
    email: Annotated[Email, CONTACT_EMAIL]
    name: Annotated[Name, CONTACT]
    phone: Annotated[Text, CONTACT] = ""
    address: Annotated[Lines, CONTACT] = ""
    source: Source = "page"


class GrantConsent(Command, frozen=True):
    """Agree to one purpose, in the words of a version of the notice that is shown at the time."""

    user_id: UUID
    purpose: Name
    notice: Name
    at: Instant
    expires_at: Instant
    source: Source = "page"

    def __post_init__(self) -> None:
        purpose(self.purpose)
        valid_notice(self.notice, self.at)
        if self.expires_at <= self.at:
            raise InvalidMessage("a consent ends after it was given", at=self.at, expires_at=self.expires_at)


class WithdrawConsent(Command, frozen=True):
    user_id: UUID
    purpose: Name
    source: Source = "page"

    def __post_init__(self) -> None:
        purpose(self.purpose)


class ExpireConsent(Command, frozen=True):
    """Say that the time of the consent that was to end at `expires_at` is over; sent by a timer."""

    user_id: UUID
    purpose: Name
    expires_at: Instant
    at: Instant

    def __post_init__(self) -> None:
        purpose(self.purpose)


class RecordProcessing(Command, frozen=True):
    """Use a person's data for something; refused when no ground holds."""

    user_id: UUID
    purpose: Name
    activity: Name
    at: Instant
    recipient: Text = ""

    def __post_init__(self) -> None:
        purpose(self.purpose)


class RestrictProcessing(Command, frozen=True):
    user_id: UUID
    reason: Annotated[Name, CONTACT]
    source: Source = "page"


class LiftRestriction(Command, frozen=True):
    user_id: UUID
    source: Source = "page"


class RecordAccess(Command, frozen=True):
    """Look at personal data that is masked otherwise."""

    user_id: UUID
    fields: tuple[Name, ...]
    reason: Name
    staff: Name

    def __post_init__(self) -> None:
        if not self.fields:
            raise InvalidMessage("say which fields are looked at")


class ExportData(Command, frozen=True):
    user_id: UUID
    format: Literal["json", "page"] = "json"


class PlaceLegalHold(Command, frozen=True):
    user_id: UUID
    hold: Name
    reason: Name


class ReleaseLegalHold(Command, frozen=True):
    user_id: UUID
    hold: Name


class RequestErasure(Command, frozen=True):
    """Ask for erasure. Until `due_at` the person can change their mind."""

    user_id: UUID
    at: Instant
    due_at: Instant
    source: Source = "page"

    def __post_init__(self) -> None:
        if self.due_at < self.at:
            raise InvalidMessage("erasure cannot be due before it is asked for", at=self.at, due_at=self.due_at)


class CancelErasure(Command, frozen=True):
    user_id: UUID
    source: Source = "page"


class BeginErasure(Command, frozen=True):
    """The cooling-off is over; sent by a timer."""

    user_id: UUID
    at: Instant


class EraseData(Command, frozen=True):
    """Say that the keys are destroyed; sent by the erasure job, which has destroyed them."""

    user_id: UUID
    purposes: tuple[Name, ...]
    kept: tuple[Kept, ...] = ()


UserCommand: TypeAlias = (
    CreateUser
    | ChangeContactDetails
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
