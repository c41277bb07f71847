"""The User aggregate: the decisions of one person about the processing of their data.

The state holds no personal data: a rule that needs it could not be evaluated after an erasure.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Self, assert_never
from uuid import UUID

from msgspec.structs import replace

from eventshop.core.aggregate import Aggregate
from users.domain.categories import MARKETING_CONSENTS
from users.domain.commands import (
    BeginErasure,
    CancelErasure,
    ChangeContactDetails,
    ChangePreferences,
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
    RemoveDeliveryAddress,
    RequestErasure,
    RestrictProcessing,
    SaveDeliveryAddress,
    UserCommand,
    WithdrawConsent,
)
from users.domain.errors import (
    AlreadyErased,
    ConsentNotAsked,
    ErasureNotRequested,
    InvalidUserState,
    NoSuchHold,
    NotExpiredYet,
    NoValidGround,
    OnLegalHold,
    ProcessingIsRestricted,
    StillCoolingOff,
    TooManyAddresses,
)
from users.domain.events import (
    CategoriesErased,
    ConsentExpired,
    ConsentGranted,
    ConsentWithdrawn,
    ContactDetailsChanged,
    DataAccessed,
    DataErased,
    DataExported,
    DeliveryAddressRemoved,
    DeliveryAddressSaved,
    ErasureBegun,
    ErasureCancelled,
    ErasureRequested,
    LegalHoldPlaced,
    LegalHoldReleased,
    PreferencesChanged,
    ProcessingRecorded,
    ProcessingRestricted,
    ProcessingResumed,
    UserCreated,
    UserEvent,
)
from users.domain.privacy_notices import get_notice
from users.domain.purposes import Basis, get_purpose

#: A consent that ends less than this later is the same consent, sent again: by a second click, or by a retry.
_SAME_CONSENT: Final = timedelta(days=1)
#: Addresses in one address book.
MAX_ADDRESSES: Final = 20


class Status(StrEnum):
    """Lifecycle of a person's account."""

    UNKNOWN = "UNKNOWN"  # nothing has happened yet
    ACTIVE = "ACTIVE"
    LEAVING = "LEAVING"  # erasure is requested and can be cancelled
    ERASING = "ERASING"
    ERASED = "ERASED"


class User(Aggregate[UserCommand, UserEvent], frozen=True):
    """One person's decisions about their data. A wish that is already so leads to no event.

    Only what records each time that something is done (`RecordProcessing`, `RecordAccess`, `ExportData`) and
    what changes details whose values are not in the state (`ChangeContactDetails`, `ChangePreferences`,
    `SaveDeliveryAddress`) lead to an event whenever they are sent.
    """

    snapshot_version = 6

    status: Status = Status.UNKNOWN
    consents: dict[str, datetime] = {}  # each purpose with a consent, and its expiry
    notices: dict[str, str] = {}  # each purpose that ever had one, and the wording of the newest
    restricted: bool = False
    holds: frozenset[str] = frozenset()
    released_holds: frozenset[str] = frozenset()
    due_at: datetime | None = None
    addresses: frozenset[str] = frozenset()  # the ids of those in the address book

    @staticmethod
    def id_of(command: UserCommand) -> UUID:
        return command.user_id

    def decide(self, command: UserCommand) -> list[UserEvent]:
        match self.status, command:
            case Status.UNKNOWN, CreateUser() as command:
                return [
                    UserCreated(
                        command.user_id, command.email, command.name, command.phone, command.address, command.source
                    )
                ]
            case Status.ACTIVE | Status.LEAVING, EraseData() as command if command.categories != ("everything",):
                return self._erase_categories(command)
            case Status.ERASING, EraseData(categories=("everything",)) as command:
                return [DataErased(command.user_id, command.purposes, tuple(sorted(self.consents)), command.kept)]
            case Status.ERASED, _:
                raise AlreadyErased(user=command.user_id)
            case (Status.LEAVING, RequestErasure()) | (Status.ERASING, RequestErasure() | BeginErasure()):
                return []
            case Status.LEAVING, CancelErasure() as command:
                return [ErasureCancelled(command.user_id, command.source)]
            case Status.ACTIVE, CancelErasure():
                return []
            case Status.LEAVING, BeginErasure() as command:
                return self._begin_erasure(command)
            case Status.ACTIVE, BeginErasure():
                raise ErasureNotRequested(user=command.user_id)
            case Status.ACTIVE, RequestErasure() as command:
                self._require_no_hold()
                return [ErasureRequested(command.user_id, command.due_at, command.source)]
            case Status.ACTIVE | Status.LEAVING, _ if not isinstance(command, CreateUser | EraseData):
                return self._decide_for_user(command)
            case status, _:
                raise InvalidUserState(command, status)

    def evolve(self, event: UserEvent) -> Self:
        match event:
            case UserCreated() | ErasureCancelled():
                return replace(self, status=Status.ACTIVE, due_at=None)
            case ConsentGranted(purpose=term, notice=notice, expires_at=until):
                return replace(self, consents={**self.consents, term: until}, notices={**self.notices, term: notice})
            case ConsentWithdrawn(purpose=term) | ConsentExpired(purpose=term):
                return replace(self, consents={name: until for name, until in self.consents.items() if name != term})
            case ProcessingRestricted():
                return replace(self, restricted=True)
            case ProcessingResumed():
                return replace(self, restricted=False)
            case LegalHoldPlaced(hold=hold):
                return replace(self, holds=self.holds | {str(hold)}, released_holds=self.released_holds - {str(hold)})
            case LegalHoldReleased(hold=hold):
                return replace(self, holds=self.holds - {str(hold)}, released_holds=self.released_holds | {str(hold)})
            case ErasureRequested(due_at=due_at):
                return replace(self, status=Status.LEAVING, due_at=due_at)
            case ErasureBegun():
                return replace(self, status=Status.ERASING)
            case DataErased():
                return replace(self, status=Status.ERASED, consents={}, due_at=None, addresses=frozenset())
            case DeliveryAddressSaved(address_id=address_id):
                return replace(self, addresses=self.addresses | {str(address_id)})
            case DeliveryAddressRemoved(address_id=address_id):
                return replace(self, addresses=self.addresses - {str(address_id)})
            case CategoriesErased() | ContactDetailsChanged() | PreferencesChanged():
                return self
            case ProcessingRecorded() | DataAccessed() | DataExported():
                return self
            case _:
                assert_never(event)

    def _decide_for_user(self, command: UserCommand) -> list[UserEvent]:
        """Decide a command of an active user, or of one whose erasure is requested."""
        match command:
            case ChangeContactDetails():
                return [
                    ContactDetailsChanged(
                        command.user_id, command.email, command.name, command.phone, command.address, command.source
                    )
                ]
            case ChangePreferences():
                return [PreferencesChanged(command.user_id, command.language, command.time_zone, command.source)]
            case SaveDeliveryAddress():
                return self._save_address(command)
            case RemoveDeliveryAddress(address_id=address_id):
                if str(address_id) not in self.addresses:
                    return []
                return [DeliveryAddressRemoved(command.user_id, address_id, command.source)]
            case GrantConsent():
                return self._grant_consent(command)
            case WithdrawConsent(purpose=term):
                return [ConsentWithdrawn(command.user_id, term, command.source)] if term in self.consents else []
            case ExpireConsent():
                return self._expire_consent(command)
            case RecordProcessing():
                return self._record_processing(command)
            case RestrictProcessing():
                return (
                    [] if self.restricted else [ProcessingRestricted(command.user_id, command.reason, command.source)]
                )
            case LiftRestriction():
                return [ProcessingResumed(command.user_id, command.source)] if self.restricted else []
            case RecordAccess():
                return [DataAccessed(command.user_id, command.fields, command.reason, command.staff)]
            case ExportData():
                return [DataExported(command.user_id, command.format)]
            case PlaceLegalHold():
                return (
                    []
                    if command.hold in self.holds
                    else [LegalHoldPlaced(command.user_id, command.hold, command.reason)]
                )
            case ReleaseLegalHold(hold=hold) if hold in self.holds:
                return [LegalHoldReleased(command.user_id, hold)]
            case ReleaseLegalHold(hold=hold) if hold in self.released_holds:
                return []
            case ReleaseLegalHold(hold=hold):
                raise NoSuchHold(hold=hold)
            case _:
                raise InvalidUserState(command, self.status)

    def _save_address(self, command: SaveDeliveryAddress) -> list[UserEvent]:
        if str(command.address_id) not in self.addresses and len(self.addresses) >= MAX_ADDRESSES:
            raise TooManyAddresses(at_most=MAX_ADDRESSES)
        return [
            DeliveryAddressSaved(
                command.user_id,
                command.address_id,
                command.name,
                command.address,
                command.is_default,
                command.source,
            )
        ]

    def _grant_consent(self, command: GrantConsent) -> list[UserEvent]:
        purpose = get_purpose(command.purpose)
        basis = purpose.basis
        if basis is not Basis.CONSENT or not purpose.is_pursued:
            raise ConsentNotAsked(purpose=command.purpose, legal_basis=str(basis))
        if self._is_granted(command):
            return []
        digest = get_notice(command.notice).digest
        return [
            ConsentGranted(
                command.user_id, command.purpose, command.notice, digest, str(basis), command.source, command.expires_at
            )
        ]

    def _is_granted(self, command: GrantConsent) -> bool:
        """Whether this consent is in force, in the same wording, and would be prolonged by less than a day."""
        until = self.consents.get(command.purpose)
        is_in_force = until is not None and command.at < until and command.expires_at - until < _SAME_CONSENT
        return is_in_force and self.notices.get(command.purpose) == command.notice

    def _expire_consent(self, command: ExpireConsent) -> list[UserEvent]:
        """No event if the consent was withdrawn or renewed in the meantime: a renewed consent has its own timer."""
        until = self.consents.get(command.purpose)
        if until is None or until != command.expires_at:
            return []
        if command.at < until:
            raise NotExpiredYet(purpose=command.purpose, expires_at=until)
        return [ConsentExpired(command.user_id, command.purpose)]

    def _record_processing(self, command: RecordProcessing) -> list[UserEvent]:
        basis = get_purpose(command.purpose).basis
        if self.restricted and basis is not Basis.LEGAL_OBLIGATION:
            raise ProcessingIsRestricted(purpose=command.purpose)
        until = self.consents.get(command.purpose)
        if basis is Basis.CONSENT and (until is None or until <= command.at):
            raise NoValidGround(purpose=command.purpose, consent="never given" if until is None else f"ended {until}")
        return [
            ProcessingRecorded(
                command.user_id,
                command.purpose,
                str(basis),
                command.activity,
                command.recipient,
                command.data,
                command.about,
                command.offer,
                command.suggestion,
            )
        ]

    def _erase_categories(self, command: EraseData) -> list[UserEvent]:
        """The erasure of categories, and the end of the consents that were for them."""
        self._require_no_hold()
        ended = sorted(self.consents.keys() & MARKETING_CONSENTS) if "marketing" in command.categories else []
        return [
            *(ConsentWithdrawn(command.user_id, term, command.source) for term in ended),
            CategoriesErased(command.user_id, command.categories, command.source),
        ]

    def _begin_erasure(self, command: BeginErasure) -> list[UserEvent]:
        self._require_no_hold()
        if self.due_at is not None and command.at < self.due_at:
            raise StillCoolingOff(due_at=self.due_at)
        return [ErasureBegun(command.user_id)]

    def _require_no_hold(self) -> None:
        if self.holds:
            raise OnLegalHold(holds=len(self.holds))  # not their names: a refusal is stored in clear
