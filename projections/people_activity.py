"""Activity timeline rows for events about people: their summaries contain no personal data."""

from __future__ import annotations

from typing import Final

from eventshop.core.messages import Event, Meta
from projections.activity_timeline import activity_timeline, event_key, fill_row
from projections.models import ActivityTimeline
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
)

#: The summary of each event type; the placeholders are event fields.
SUMMARIES: Final[dict[type[Event], str]] = {
    UserCreated: "Signed up ({source})",
    ContactDetailsChanged: "Contact details changed ({source})",
    PreferencesChanged: "Language and time zone chosen ({source})",
    DeliveryAddressSaved: "Address saved in the address book ({source})",
    DeliveryAddressRemoved: "Address taken out of the address book ({source})",
    ConsentGranted: "Consent to {purpose} given, notice {notice} ({source})",
    ConsentWithdrawn: "Consent to {purpose} withdrawn ({source})",
    ConsentExpired: "Consent to {purpose} expired",
    ProcessingRecorded: "Data used for {purpose}",
    ProcessingRestricted: "Use of data restricted ({source})",
    ProcessingResumed: "Restriction lifted ({source})",
    DataAccessed: "Staff looked at personal data",
    DataExported: "Copy of all data taken ({format})",
    LegalHoldPlaced: "Legal hold placed",
    LegalHoldReleased: "Legal hold released",
    ErasureRequested: "Erasure asked for ({source})",
    ErasureCancelled: "Erasure cancelled ({source})",
    ErasureBegun: "Erasure begun",
    CategoriesErased: "Personal data erased: {categories}",
    DataErased: "Personal data erased",
}


def describe_event(row: ActivityTimeline, event: Event, meta: Meta) -> None:
    fields = {name: getattr(event, name) for name in event.__struct_fields__}
    fields = {name: ", ".join(map(str, value)) if isinstance(value, tuple) else value for name, value in fields.items()}
    fill_row(row, event, meta, SUMMARIES[type(event)].format(**fields))
    row.customer_id = fields["user_id"]


for kind in SUMMARIES:
    activity_timeline.on(kind, dated_key=event_key)(describe_event)
