"""Consent receipts with the fields of ISO/IEC TS 27560:2023 and the terms of the W3C Data Privacy Vocabulary."""

from __future__ import annotations

from typing import Any, NamedTuple

from django.conf import settings

from eventshop.core.messages import Meta, RecordedEvent
from eventshop.datetimes import format_date
from users.application.customer_adapter import Person
from users.domain.events import ConsentExpired, ConsentGranted, ConsentWithdrawn, UserEvent
from users.domain.privacy_notices import PrivacyNotice, get_notice
from users.domain.purposes import Purpose, get_purpose


class Decision(NamedTuple):
    """A consent that was given, with the event that ended it and whether a newer consent replaced it."""

    meta: Meta
    granted: ConsentGranted
    ended: RecordedEvent[UserEvent] | None
    renewed: bool

    @property
    def purpose(self) -> Purpose:
        return get_purpose(self.granted.purpose)

    @property
    def notice(self) -> PrivacyNotice:
        return get_notice(self.granted.notice)

    @property
    def outcome(self) -> str:
        if self.ended:
            how = "taken back" if isinstance(self.ended.event, ConsentWithdrawn) else "expired"
            return f"{how} on {format_date(self.ended.meta.occurred_at)}"
        return "replaced by a newer consent" if self.renewed else "valid"


def list_decisions(person: Person) -> list[Decision]:
    """All consents of a person, newest first."""
    decisions: list[Decision] = []
    open_: dict[str, int] = {}  # index of the consent in force, by purpose
    for recorded in person.events:
        match recorded.event:
            case ConsentGranted(purpose=term) as granted:
                if term in open_:
                    decisions[open_[term]] = decisions[open_[term]]._replace(renewed=True)
                open_[term] = len(decisions)
                decisions.append(Decision(recorded.meta, granted, None, False))
            case ConsentWithdrawn(purpose=term) | ConsentExpired(purpose=term) if term in open_:
                index = open_.pop(term)
                decisions[index] = decisions[index]._replace(ended=recorded)
    return decisions[::-1]


def build_receipt(decision: Decision) -> dict[str, Any]:
    """The receipt as a JSON-compatible dictionary, as proof for the person and for an authority."""
    granted, meta = decision.granted, decision.meta
    events = [_receipt_event(meta, "dpv:ConsentGiven")]
    if decision.ended:
        withdrawn = isinstance(decision.ended.event, ConsentWithdrawn)
        state = "dpv:ConsentWithdrawn" if withdrawn else "dpv:ConsentExpired"
        events.append(_receipt_event(decision.ended.meta, state))
    return {
        "schema_version": "ISO/IEC TS 27560:2023",
        "record_id": str(meta.event_id),
        "pii_principal_id": str(granted.user_id),
        "pii_processing": {
            "privacy_notice": {"version": granted.notice, "sha256": granted.notice_digest, "language": "en"},
            "purposes": [
                {
                    "purpose": f"dpv:{granted.purpose}",
                    "purpose_description": f"{decision.purpose.label}. {decision.purpose.description}",
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


def _receipt_event(meta: Meta, state: str) -> dict[str, str]:
    return {"event_id": str(meta.event_id), "event_time": meta.occurred_at.isoformat(), "event_state": state}
