"""Each person's contact details, consents, and account status."""

from __future__ import annotations

from eventshop.core.messages import Meta
from eventshop.projections.personal_columns import personal_text
from eventshop.projections.projection import Projection
from projections.models import UserProfile
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
    ProcessingRestricted,
    ProcessingResumed,
    UserCreated,
)

user_profile = Projection(UserProfile, topic="user-projection", version=1, shared_rows=False)


@user_profile.on(UserCreated, key=lambda event: event.user_id)
def created(row: UserProfile, event: UserCreated, meta: Meta) -> None:
    row.status = UserProfile.Status.ACTIVE
    row.source = event.source
    row.created_at = meta.occurred_at
    _set_contact_details(row, event, meta)


@user_profile.on(ContactDetailsChanged, key=lambda event: event.user_id)
def changed(row: UserProfile, event: ContactDetailsChanged, meta: Meta) -> None:
    _set_contact_details(row, event, meta)


@user_profile.on(ConsentGranted, key=lambda event: event.user_id)
def granted(row: UserProfile, event: ConsentGranted, meta: Meta) -> None:
    _set_consents(row, _consented_purposes(row) | {event.purpose}, meta)


@user_profile.on(ConsentWithdrawn, key=lambda event: event.user_id)
def withdrawn(row: UserProfile, event: ConsentWithdrawn, meta: Meta) -> None:
    _set_consents(row, _consented_purposes(row) - {event.purpose}, meta)


@user_profile.on(ConsentExpired, key=lambda event: event.user_id)
def expired(row: UserProfile, event: ConsentExpired, meta: Meta) -> None:
    _set_consents(row, _consented_purposes(row) - {event.purpose}, meta)


@user_profile.on(ProcessingRestricted, key=lambda event: event.user_id)
def restricted(row: UserProfile, event: ProcessingRestricted, meta: Meta) -> None:
    row.restricted, row.updated_at = True, meta.occurred_at


@user_profile.on(ProcessingResumed, key=lambda event: event.user_id)
def lifted(row: UserProfile, event: ProcessingResumed, meta: Meta) -> None:
    row.restricted, row.updated_at = False, meta.occurred_at


@user_profile.on(LegalHoldPlaced, key=lambda event: event.user_id)
def held(row: UserProfile, event: LegalHoldPlaced, meta: Meta) -> None:
    row.holds += 1
    row.updated_at = meta.occurred_at


@user_profile.on(LegalHoldReleased, key=lambda event: event.user_id)
def released(row: UserProfile, event: LegalHoldReleased, meta: Meta) -> None:
    row.holds -= 1
    row.updated_at = meta.occurred_at


@user_profile.on(DataAccessed, key=lambda event: event.user_id)
def accessed(row: UserProfile, event: DataAccessed, meta: Meta) -> None:
    row.accesses += 1


@user_profile.on(DataExported, key=lambda event: event.user_id)
def exported(row: UserProfile, event: DataExported, meta: Meta) -> None:
    row.exports += 1


@user_profile.on(ErasureRequested, key=lambda event: event.user_id)
def leaving(row: UserProfile, event: ErasureRequested, meta: Meta) -> None:
    row.status = UserProfile.Status.LEAVING
    row.erasure_requested_at = row.updated_at = meta.occurred_at
    row.erasure_due_at = event.due_at


@user_profile.on(ErasureCancelled, key=lambda event: event.user_id)
def stayed(row: UserProfile, event: ErasureCancelled, meta: Meta) -> None:
    row.status = UserProfile.Status.ACTIVE
    row.erasure_requested_at = row.erasure_due_at = None
    row.updated_at = meta.occurred_at


@user_profile.on(ErasureBegun, key=lambda event: event.user_id)
def begun(row: UserProfile, event: ErasureBegun, meta: Meta) -> None:
    row.status, row.updated_at = UserProfile.Status.ERASING, meta.occurred_at


@user_profile.on(DataErased, key=lambda event: event.user_id)
def erased(row: UserProfile, event: DataErased, meta: Meta) -> None:
    row.status = UserProfile.Status.ERASED
    row.erased_at = row.updated_at = meta.occurred_at
    row.email = row.name = row.phone = row.address = ""
    _set_consents(row, set(), meta)


def _set_contact_details(row: UserProfile, event: UserCreated | ContactDetailsChanged, meta: Meta) -> None:
    row.email, row.name = personal_text(event.email), personal_text(event.name)
    row.phone, row.address = personal_text(event.phone), personal_text(event.address)
    row.updated_at = meta.occurred_at


def _consented_purposes(row: UserProfile) -> set[str]:
    return set(row.consents.split("; ")) - {""}


def _set_consents(row: UserProfile, purposes: set[str], meta: Meta) -> None:
    row.consents = "; ".join(sorted(purposes))
    row.updated_at = meta.occurred_at
