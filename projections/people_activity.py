"""What happened to people's data, in words without any of it."""

from __future__ import annotations

from typing import Final

from eventshop.core.messages import Event, Meta
from projections.activity_timeline import about, activity_timeline, own_row
from projections.models import ActivityTimeline
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
)

#: What each kind of event says.
SAYS: Final[dict[type[Event], str]] = {
    UserCreated: "Signed up ({source})",
    ContactDetailsChanged: "Contact details changed ({source})",
    ConsentGranted: "Consent to {purpose} given, notice {notice} ({source})",
    ConsentWithdrawn: "Consent to {purpose} withdrawn ({source})",
    ConsentExpired: "Consent to {purpose} expired",
    ProcessingRecorded: "Data used for {purpose}: {activity}",
    ProcessingRestricted: "Use of data restricted ({source})",
    ProcessingResumed: "Restriction lifted ({source})",
    DataAccessed: "{staff} looked at personal data: {reason}",
    DataExported: "Copy of all data taken ({format})",
    LegalHoldPlaced: "Legal hold {hold} placed: {reason}",
    LegalHoldReleased: "Legal hold {hold} released",
    ErasureRequested: "Erasure asked for ({source})",
    ErasureCancelled: "Erasure cancelled ({source})",
    ErasureBegun: "Erasure begun",
    DataErased: "Personal data erased",
}


def told(row: ActivityTimeline, event: Event, meta: Meta) -> None:
    said = {name: getattr(event, name) for name in event.__struct_fields__}
    about(row, event, meta, SAYS[type(event)].format(**said))
    row.customer_id = said["user_id"]


for kind in SAYS:
    activity_timeline.on(kind, dated_key=own_row)(told)
