"""A receipt for each consent, in the fields of ISO/IEC TS 27560:2023 and the words of W3C DPV."""

from __future__ import annotations

from typing import Any, NamedTuple

from django.conf import settings

from eventshop.core.messages import Meta, Recorded
from eventshop.datetimes import day_text
from users.application.customer_adapter import Person
from users.domain.events import ConsentExpired, ConsentGranted, ConsentWithdrawn, UserEvent
from users.domain.privacy_notices import Notice, notice
from users.domain.purposes import Purpose, purpose


class Decision(NamedTuple):
    """A consent that was given, and what became of it."""

    meta: Meta
    granted: ConsentGranted
    ended: Recorded[UserEvent] | None
    renewed: bool

    @property
    def purpose(self) -> Purpose:
        return purpose(self.granted.purpose)

    @property
    def notice(self) -> Notice:
        return notice(self.granted.notice)

    @property
    def outcome(self) -> str:
        if self.ended:
            how = "taken back" if isinstance(self.ended.event, ConsentWithdrawn) else "ended by itself"
            return f"{how} on {day_text(self.ended.meta.occurred_at)}"
        return "replaced by a newer one" if self.renewed else "holds"


def decisions(person: Person) -> list[Decision]:
    """Every consent of a person, the newest first."""
    found: list[Decision] = []
    open_: dict[str, int] = {}
    for recorded in person.events:
        match recorded.event:
            case ConsentGranted(purpose=term) as it:
                if term in open_:
                    found[open_[term]] = found[open_[term]]._replace(renewed=True)
                open_[term] = len(found)
                found.append(Decision(recorded.meta, it, None, False))
            case ConsentWithdrawn(purpose=term) | ConsentExpired(purpose=term) if term in open_:
                index = open_.pop(term)
                found[index] = found[index]._replace(ended=recorded)
    return found[::-1]


def receipt(decision: Decision) -> dict[str, Any]:
    """What a person can keep, and show to an authority."""
    granted, meta = decision.granted, decision.meta
    events = [_event(meta, "dpv:ConsentGiven")]
    if decision.ended:
        given = isinstance(decision.ended.event, ConsentWithdrawn)
        events.append(_event(decision.ended.meta, "dpv:ConsentWithdrawn" if given else "dpv:ConsentExpired"))
    return {
        "schema_version": "ISO/IEC TS 27560:2023",
        "record_id": str(meta.event_id),
        "pii_principal_id": str(granted.user_id),
        "pii_processing": {
            "privacy_notice": {"version": granted.notice, "sha256": granted.notice_digest, "language": "en"},
            "purposes": [
                {
                    "purpose": f"dpv:{granted.purpose}",
                    "purpose_description": f"{decision.purpose.label}. {decision.purpose.explained}",
                    "lawful_basis": f"eu-gdpr:{granted.legal_basis}",
                    "pii_controllers": [settings.ORGANISATION],
                    "recipient_third_parties": [],
                    "collection_method": granted.source,
                    "withdrawal_method": "One click on the page My consents",
                    "valid_until": granted.expires_at.isoformat(),
                }
            ],
        },
        "party_identification": [{"party_id": settings.ORGANISATION, "party_role": "dpv:DataController"}],
        "events": events,
    }


def _event(meta: Meta, state: str) -> dict[str, str]:
    return {"event_id": str(meta.event_id), "event_time": meta.occurred_at.isoformat(), "event_state": state}
