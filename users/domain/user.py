"""One person: what may be done with their data, and what they decided about it.

Nothing personal is part of this state: a rule that needed it could not be followed once it is erased.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Self, assert_never
from uuid import UUID

from msgspec.structs import replace

from eventshop.core.aggregate import Aggregate
from eventshop.core.message_registry import registry
from users.domain.commands import (
    BeginErasure,
    CancelErasure,
    ChangeContactDetails,
    CreateUser,
    EraseData,
    ExpireConsent,
    ExportData,
    GrantConsent,
    LiftRestriction,
    PlaceLegalHold,
    RecordAccess,
    RecordProcessing,
    ReleaseLegalHold,
    RequestErasure,
    RestrictProcessing,
    UserCommand,
    WithdrawConsent,
)
from users.domain.errors import (
    AlreadyErased,
    ConsentNotAsked,
    ConsentNotGiven,
    ErasureNotRequested,
    InvalidUserState,
    NoSuchHold,
    NotExpiredYet,
    NoValidGround,
    OnLegalHold,
    ProcessingIsRestricted,
    StillCoolingOff,
)
from users.domain.events import (
    ConsentExpired,
    ConsentGranted,
    ConsentWithdrawn,
    ContactDetailsChanged,
    DataAccessed,
    DataErased,
    DataExported,
    ErasureBegun,
    ErasureCancelled,
    ErasureRequested,
    LegalHoldPlaced,
    LegalHoldReleased,
    ProcessingRecorded,
    ProcessingRestricted,
    ProcessingResumed,
    UserCreated,
    UserEvent,
)
from users.domain.privacy_notices import notice
from users.domain.purposes import Basis, purpose
from users.domain.upcasters import upcasters


class Status(StrEnum):
    """Where a person's account is on its way."""

    UNKNOWN = "UNKNOWN"  # nothing has happened yet
    ACTIVE = "ACTIVE"
    LEAVING = "LEAVING"  # erasure is asked for and can be cancelled
    ERASING = "ERASING"
    ERASED = "ERASED"


class User(Aggregate[UserCommand, UserEvent], frozen=True):
    """One person's decisions about their data. `consents` says until when each consent that was given holds."""

    status: Status = Status.UNKNOWN
    consents: dict[str, datetime] = {}
    restricted: bool = False
    holds: frozenset[str] = frozenset()
    due_at: datetime | None = None

    @staticmethod
    def id_of(command: UserCommand) -> UUID:
        return command.user_id

    def decide(self, command: UserCommand) -> list[UserEvent]:
        match self.status, command:
            case Status.UNKNOWN, CreateUser() as it:
                return [UserCreated(it.user_id, it.email, it.name, it.phone, it.address, it.source)]
            case Status.ERASING, EraseData() as it:
                return [DataErased(it.user_id, it.purposes, tuple(sorted(self.consents)), it.kept)]
            case Status.ERASED, _:
                raise AlreadyErased(user=command.user_id)
            case Status.LEAVING, RequestErasure():
                return []
            case Status.LEAVING, CancelErasure() as it:
                return [ErasureCancelled(it.user_id, it.source)]
            case Status.LEAVING, BeginErasure() as it:
                return self._begun(it)
            case Status.ACTIVE, CancelErasure() | BeginErasure():
                raise ErasureNotRequested(user=command.user_id)
            case Status.ACTIVE, RequestErasure() as it:
                self._refuse_on_hold()
                return [ErasureRequested(it.user_id, it.due_at, it.source)]
            case Status.ACTIVE | Status.LEAVING, _ if not isinstance(command, CreateUser | EraseData):
                return self._lived(command)
            case status, _:
                raise InvalidUserState(command, status)

    def evolve(self, event: UserEvent) -> Self:
        match event:
            case UserCreated() | ErasureCancelled():
                return replace(self, status=Status.ACTIVE, due_at=None)
            case ConsentGranted(purpose=term, expires_at=until):
                return replace(self, consents={**self.consents, term: until})
            case ConsentWithdrawn(purpose=term) | ConsentExpired(purpose=term):
                return replace(self, consents={name: it for name, it in self.consents.items() if name != term})
            case ProcessingRestricted():
                return replace(self, restricted=True)
            case ProcessingResumed():
                return replace(self, restricted=False)
            case LegalHoldPlaced(hold=hold):
                return replace(self, holds=self.holds | {hold})
            case LegalHoldReleased(hold=hold):
                return replace(self, holds=self.holds - {hold})
            case ErasureRequested(due_at=due_at):
                return replace(self, status=Status.LEAVING, due_at=due_at)
            case ErasureBegun():
                return replace(self, status=Status.ERASING)
            case DataErased():
                return replace(self, status=Status.ERASED, consents={}, due_at=None)
            case ContactDetailsChanged() | ProcessingRecorded() | DataAccessed() | DataExported():
                return self
            case _:
                assert_never(event)

    def _lived(self, command: UserCommand) -> list[UserEvent]:
        """What can be asked of anybody who has not left yet."""
        match command:
            case ChangeContactDetails() as it:
                return [ContactDetailsChanged(it.user_id, it.email, it.name, it.phone, it.address, it.source)]
            case GrantConsent() as it:
                return self._granted(it)
            case WithdrawConsent(purpose=term) as it:
                if term not in self.consents:
                    raise ConsentNotGiven(purpose=term)
                return [ConsentWithdrawn(it.user_id, term, it.source)]
            case ExpireConsent() as it:
                return self._expired(it)
            case RecordProcessing() as it:
                return self._processed(it)
            case RestrictProcessing() as it:
                return [] if self.restricted else [ProcessingRestricted(it.user_id, it.reason, it.source)]
            case LiftRestriction() as it:
                return [ProcessingResumed(it.user_id, it.source)] if self.restricted else []
            case RecordAccess() as it:
                return [DataAccessed(it.user_id, it.fields, it.reason, it.staff)]
            case ExportData() as it:
                return [DataExported(it.user_id, it.format)]
            case PlaceLegalHold() as it:
                return [] if it.hold in self.holds else [LegalHoldPlaced(it.user_id, it.hold, it.reason)]
            case ReleaseLegalHold() as it:
                if it.hold not in self.holds:
                    raise NoSuchHold(hold=it.hold)
                return [LegalHoldReleased(it.user_id, it.hold)]
            case _:
                raise InvalidUserState(command, self.status)

    def _granted(self, it: GrantConsent) -> list[UserEvent]:
        basis = purpose(it.purpose).basis
        if basis is not Basis.CONSENT:
            raise ConsentNotAsked(purpose=it.purpose, legal_basis=str(basis))
        digest = notice(it.notice).digest
        return [ConsentGranted(it.user_id, it.purpose, it.notice, digest, str(basis), it.source, it.expires_at)]

    def _expired(self, it: ExpireConsent) -> list[UserEvent]:
        """Already so if it was withdrawn or renewed in the meantime; a renewed consent has a timer of its own."""
        until = self.consents.get(it.purpose)
        if until is None or until != it.expires_at:
            return []
        if it.at < until:
            raise NotExpiredYet(purpose=it.purpose, expires_at=until)
        return [ConsentExpired(it.user_id, it.purpose)]

    def _processed(self, it: RecordProcessing) -> list[UserEvent]:
        basis = purpose(it.purpose).basis
        if self.restricted and basis is not Basis.LEGAL_OBLIGATION:
            raise ProcessingIsRestricted(purpose=it.purpose)
        until = self.consents.get(it.purpose)
        if basis is Basis.CONSENT and (until is None or until <= it.at):
            raise NoValidGround(purpose=it.purpose, consent="never given" if until is None else f"ended {until}")
        return [ProcessingRecorded(it.user_id, it.purpose, str(basis), it.activity, it.recipient)]

    def _begun(self, it: BeginErasure) -> list[UserEvent]:
        self._refuse_on_hold()
        if self.due_at is not None and it.at < self.due_at:
            raise StillCoolingOff(due_at=self.due_at)
        return [ErasureBegun(it.user_id)]

    def _refuse_on_hold(self) -> None:
        if self.holds:
            raise OnLegalHold(holds="; ".join(sorted(self.holds)))


registry.add(User, upcasters)
