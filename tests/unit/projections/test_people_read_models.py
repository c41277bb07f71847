"""Profiles, consents and activity of people, and what erasure leaves of them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace

from eventshop.core.personal_fields import Redacted
from eventshop.testing.given_when_then import MORNING, event_id, given_events
from projections.activity_timeline import activity_timeline
from projections.consent_register import consent_register
from projections.people_activity import SUMMARIES
from projections.user_profile import user_profile
from tests.unit.users.domain.examples import (
    ADA,
    DUE,
    NEXT_YEAR,
    address_removed,
    address_saved,
    begun,
    cancelled,
    changed,
    created,
    erased,
    granted,
    held,
    preferred,
    requested,
    restricted,
    suggested,
    withdrawn,
)
from users.domain.events import (
    CategoriesErased,
    ConsentExpired,
    DataAccessed,
    DataExported,
    LegalHoldReleased,
    ProcessingResumed,
)

looked = DataAccessed(ADA, ("phone",), "parcel came back", "grace")
copied = DataExported(ADA, "json")
parted = CategoriesErased(ADA, ("delivery", "notes"), "staff")
released = LegalHoldReleased(ADA, "case 7")
lifted = ProcessingResumed(ADA, "page")
expired = ConsentExpired(ADA, "Personalisation")
marketing = replace(granted, purpose="DirectMarketing")
GONE = Redacted("contact")


def at(minute: int) -> object:
    return MORNING + timedelta(minutes=minute)


def test_a_profile_holds_the_newest_details() -> None:
    given_events(created, changed).project(user_profile).row(ADA).has(
        status="ACTIVE", email="ada@example.net", name="Ada King", phone="", address="", created_at=at(0)
    )


def test_a_profile_says_what_the_person_agrees_to_now() -> None:
    given_events(created, granted, marketing, granted).project(user_profile).row(ADA).has(
        consents="DirectMarketing; Personalisation"
    )
    given_events(created, granted, marketing, withdrawn).project(user_profile).row(ADA).has(consents="DirectMarketing")
    given_events(created, granted, expired).project(user_profile).row(ADA).has(consents="")


def test_a_profile_counts_holds_accesses_and_copies() -> None:
    given_events(created, held, looked, copied, restricted).project(user_profile).row(ADA).has(
        holds=1, accesses=1, exports=1, restricted=True
    )
    given_events(created, held, released, restricted, lifted).project(user_profile).row(ADA).has(
        holds=0, restricted=False
    )


def test_a_profile_follows_a_person_who_leaves_or_stays() -> None:
    given_events(created, requested).project(user_profile).row(ADA).has(
        status="LEAVING", erasure_requested_at=at(1), erasure_due_at=DUE
    )
    given_events(created, requested, cancelled).project(user_profile).row(ADA).has(
        status="ACTIVE", erasure_requested_at=None, erasure_due_at=None
    )
    given_events(created, requested, begun).project(user_profile).row(ADA).has(status="ERASING")


def test_nothing_is_left_in_the_profile_of_the_erased() -> None:
    given_events(created, granted, requested, begun, erased).project(user_profile).row(ADA).has(
        status="ERASED", email="", name="", phone="", address="", consents="", erased_at=at(4)
    )


def test_the_profile_of_somebody_whose_keys_are_gone_is_empty_from_the_start() -> None:
    unreadable = replace(created, email=GONE, name=GONE, phone=GONE, address=GONE)
    given_events(unreadable).project(user_profile).row(ADA).has(email="", name="", phone="", address="")


# --- the register ------------------------------------------------------------------------------------------------


def test_the_register_proves_what_was_agreed_to_in_which_words() -> None:
    given_events(created, granted).project(consent_register).rows(1).row((ADA, "Personalisation")).has(
        status="ConsentGiven",
        notice="2026-01",
        notice_digest=granted.notice_digest,
        legal_basis="A6-1-a",
        source="page",
        given_at=at(1),
        expires_at=NEXT_YEAR,
        ended_at=None,
        grants=1,
    )


@pytest.mark.parametrize(
    ("end", "status"), [(withdrawn, "ConsentWithdrawn"), (expired, "ConsentExpired"), (erased, "ConsentInvalidated")]
)
def test_the_register_keeps_what_has_ended(end: object, status: str) -> None:
    given_events(created, granted, end).project(consent_register).row((ADA, "Personalisation")).has(  # type: ignore[arg-type]
        status=status, notice="2026-01", given_at=at(1), ended_at=at(2)
    )
    given_events(created, granted, withdrawn, granted).project(consent_register).row((ADA, "Personalisation")).has(
        status="ConsentGiven", grants=2, ended_at=None
    )


# --- the timeline ------------------------------------------------------------------------------------------------

EVERY_EVENT = [
    created,
    changed,
    granted,
    withdrawn,
    expired,
    suggested,
    restricted,
    lifted,
    looked,
    copied,
    held,
    released,
    requested,
    cancelled,
    preferred,
    address_saved,
    address_removed,
    begun,
    parted,
    erased,
]


def test_the_timeline_tells_everything_and_nothing_personal() -> None:
    assert {type(event) for event in EVERY_EVENT} == SUMMARIES.keys()
    projected = given_events(*EVERY_EVENT).project(activity_timeline).rows(len(EVERY_EVENT))
    for place, event in enumerate(EVERY_EVENT, start=1):
        row = projected.row(event_id(place)).columns
        assert row["customer_id"] == ADA
        for word in ("Ada", "example", "+44", "James", restricted.reason):
            assert str(word) not in row["summary"], event
    projected.row(event_id(3)).has(summary="Consent to Personalisation given, notice 2026-01 (page)")
