"""Example commands and events of one person, Ada, for the tests of the users domain."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

from users.domain.commands import (
    BeginErasure,
    CancelErasure,
    ChangeContactDetails,
    ChangePreferences,
    CreateUser,
    EraseData,
    ExpireConsent,
    GrantConsent,
    RecordProcessing,
    RemoveDeliveryAddress,
    RequestErasure,
    RestrictProcessing,
    SaveDeliveryAddress,
    WithdrawConsent,
)
from users.domain.events import (
    ConsentGranted,
    ConsentWithdrawn,
    ContactDetailsChanged,
    DataErased,
    DeliveryAddressRemoved,
    DeliveryAddressSaved,
    ErasureBegun,
    ErasureCancelled,
    ErasureRequested,
    Kept,
    LegalHoldPlaced,
    PreferencesChanged,
    ProcessingRecorded,
    ProcessingRestricted,
    UserCreated,
)
from users.domain.privacy_notices import get_notice

ADA = UUID("00000000-0000-4000-8000-0000000000ad")
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
NEXT_YEAR = NOON + timedelta(days=365)
DUE = NOON + timedelta(days=14)

create = CreateUser(ADA, email="ada@example.org", name="Ada Lovelace", phone="+44 20 1", address="12 St James's Square")
change = ChangeContactDetails(ADA, email="ada@example.net", name="Ada King")
prefer = ChangePreferences(ADA, language="de", time_zone="Europe/Berlin")
OFFICE = UUID("00000000-0000-4000-8000-0000000000af")
save_address = SaveDeliveryAddress(ADA, OFFICE, "Ada Lovelace", "1 Office Rd\nYork", is_default=True)
remove_address = RemoveDeliveryAddress(ADA, OFFICE)
grant = GrantConsent(ADA, purpose="Personalisation", notice="2026-01", at=NOON, expires_at=NEXT_YEAR)
withdraw = WithdrawConsent(ADA, purpose="Personalisation")
expire = ExpireConsent(ADA, purpose="Personalisation", expires_at=NEXT_YEAR, at=NEXT_YEAR)
suggest = RecordProcessing(ADA, purpose="Personalisation", activity="suggestions on the home page", at=NOON)
deliver = RecordProcessing(ADA, purpose="DeliveryOfGoods", activity="label printed", at=NOON, recipient="Royal Mail")
invoice = RecordProcessing(ADA, purpose="LegalCompliance", activity="invoice filed", at=NOON)
restrict = RestrictProcessing(ADA, reason="my address is wrong")
request = RequestErasure(ADA, at=NOON, due_at=DUE)
cancel = CancelErasure(ADA)
begin = BeginErasure(ADA, at=DUE)
erase = EraseData(ADA, purposes=("contact",), kept=(Kept("invoices", "tax law", None),))

created = UserCreated(ADA, create.email, create.name, create.phone, create.address, "page")
changed = ContactDetailsChanged(ADA, change.email, change.name, "", "", "page")
preferred = PreferencesChanged(ADA, "de", "Europe/Berlin", "page")
address_saved = DeliveryAddressSaved(
    ADA, OFFICE, save_address.name, save_address.address, is_default=True, source="page"
)
address_removed = DeliveryAddressRemoved(ADA, OFFICE, "page")
granted = ConsentGranted(
    ADA, "Personalisation", "2026-01", get_notice("2026-01").digest, "A6-1-a", source="page", expires_at=NEXT_YEAR
)
withdrawn = ConsentWithdrawn(ADA, "Personalisation", "page")
suggested = ProcessingRecorded(ADA, "Personalisation", "A6-1-a", suggest.activity, "")
restricted = ProcessingRestricted(ADA, restrict.reason, "page")
held = LegalHoldPlaced(ADA, "case 7", "a claim in court")
requested = ErasureRequested(ADA, DUE, "page")
cancelled = ErasureCancelled(ADA, "page")
begun = ErasureBegun(ADA)
erased = DataErased(ADA, erase.purposes, ("Personalisation",), erase.kept)
