"""Consents: granting, withdrawing and expiry; and no processing without a valid legal basis."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from msgspec.structs import replace

from eventshop.core.errors import InvalidMessage
from eventshop.core.serialization import decode_command
from eventshop.testing.given_when_then import given
from tests.unit.users.domain.examples import (
    ADA,
    NEXT_YEAR,
    NOON,
    created,
    deliver,
    expire,
    grant,
    granted,
    invoice,
    restrict,
    restricted,
    suggest,
    suggested,
    withdraw,
    withdrawn,
)
from users.domain.commands import GrantConsent, LiftRestriction
from users.domain.errors import (
    ConsentNotAsked,
    InvalidUserState,
    NotExpiredYet,
    NoticeExpired,
    NoValidGround,
    ProcessingIsRestricted,
    UnknownNotice,
    UnknownPurpose,
)
from users.domain.events import ConsentExpired, ConsentWithdrawn, ProcessingRecorded, ProcessingResumed
from users.domain.privacy_notices import NOTICES, current_notice, get_notice
from users.domain.purposes import BY_CONSENT, CONSENTABLE, PURPOSES, consent_expiry
from users.domain.user import User

expired = ConsentExpired(ADA, "Personalisation")
DAY = timedelta(days=1)


def test_a_consent_names_purpose_wording_basis_source_and_end() -> None:
    given(User, created).when(grant).then(granted)


def test_a_consent_is_taken_back_as_easily() -> None:
    given(User, created, granted).when(withdraw).then(withdrawn)


@pytest.mark.parametrize("history", [(created,), (created, granted, withdrawn), (created, granted, expired)])
def test_what_is_not_given_is_already_taken_back(history: tuple[object, ...]) -> None:
    given(User, *history).when(withdraw).then_nothing()  # type: ignore[arg-type]


@pytest.mark.parametrize("later", [timedelta(0), timedelta(seconds=2), timedelta(hours=23)])
def test_a_consent_given_again_within_a_day_is_the_same(later: timedelta) -> None:
    again = replace(grant, at=NOON + later, expires_at=NEXT_YEAR + later)
    given(User, created, granted).when(again).then_nothing()


def test_a_consent_in_another_wording_or_after_the_end_of_the_first_is_another() -> None:
    earlier_wording = replace(granted, notice="2025-05", notice_digest=get_notice("2025-05").digest)
    given(User, created, earlier_wording).when(grant).then(granted)
    after = replace(grant, at=NEXT_YEAR, expires_at=NEXT_YEAR + timedelta(hours=1))
    given(User, created, granted).when(after).then(replace(granted, expires_at=NEXT_YEAR + timedelta(hours=1)))


def test_a_consent_can_be_given_again_and_renewed() -> None:
    later = replace(grant, at=NOON + DAY, expires_at=NEXT_YEAR + DAY)
    given(User, created, granted, withdrawn).when(later).then(replace(granted, expires_at=NEXT_YEAR + DAY))
    given(User, created, granted).when(later).then(replace(granted, expires_at=NEXT_YEAR + DAY))


def test_only_purposes_that_rest_on_consent_are_asked_about() -> None:
    given(User, created).when(replace(grant, purpose="DeliveryOfGoods")).then_refused(ConsentNotAsked, "A6-1-b")


def test_nobody_consents_for_somebody_who_never_signed_up() -> None:
    given(User).when(grant).then_refused(InvalidUserState, "UNKNOWN")


# --- expiry ------------------------------------------------------------------------------------------------------


def test_a_consent_ends_on_its_day() -> None:
    given(User, created, granted).when(expire).then(expired)


def test_a_consent_does_not_end_before_its_day() -> None:
    early = replace(expire, at=NEXT_YEAR - DAY)
    given(User, created, granted).when(early).then_refused(NotExpiredYet, "Personalisation")


def test_the_timer_of_a_consent_that_is_gone_or_renewed_changes_nothing() -> None:
    given(User, created, granted, withdrawn).when(expire).then_nothing()
    given(User, created, granted, expired).when(expire).then_nothing()
    given(User, created, granted, replace(granted, expires_at=NEXT_YEAR + DAY)).when(expire).then_nothing()


# --- use of data -------------------------------------------------------------------------------------------------


def test_data_is_used_while_a_consent_holds() -> None:
    given(User, created, granted).when(suggest).then(suggested)


@pytest.mark.parametrize(
    ("history", "at"),
    [((created,), NOON), ((created, granted, withdrawn), NOON), ((created, granted), NEXT_YEAR)],
)
def test_data_is_not_used_without_a_consent_that_holds(history: tuple[object, ...], at: object) -> None:
    given(User, *history).when(replace(suggest, at=at)).then_refused(NoValidGround, "Personalisation")  # type: ignore[arg-type]


def test_a_contract_and_the_law_are_grounds_of_their_own() -> None:
    recorded = ProcessingRecorded(ADA, "DeliveryOfGoods", "A6-1-b", "label printed", "Royal Mail")
    given(User, created).when(deliver).then(recorded)
    given(User, created).when(invoice).then(ProcessingRecorded(ADA, "LegalCompliance", "A6-1-c", "invoice filed", ""))


def test_restricted_data_is_used_only_where_the_law_demands_it() -> None:
    given(User, created).when(restrict).then(restricted)
    given(User, created, restricted).when(restrict).then_nothing()
    given(User, created, granted, restricted).when(suggest).then_refused(ProcessingIsRestricted)
    given(User, created, restricted).when(deliver).then_refused(ProcessingIsRestricted)
    given(User, created, restricted).when(invoice).then(
        ProcessingRecorded(ADA, "LegalCompliance", "A6-1-c", "invoice filed", "")
    )


def test_a_restriction_can_be_lifted() -> None:
    lifted = ProcessingResumed(ADA, "page")
    given(User, created, restricted).when(LiftRestriction(ADA)).then(lifted)
    given(User, created).when(LiftRestriction(ADA)).then_nothing()
    given(User, created, granted, restricted, lifted).when(suggest).then(suggested)


# --- bad input ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"purpose": "Spam"}, UnknownPurpose, "'Spam'.*DirectMarketing"),
        ({"notice": "1999-01"}, UnknownNotice, "1999-01.*2026-01"),
        ({"notice": "2025-05"}, NoticeExpired, "2025-05"),
        ({"notice": "2026-01", "at": "2025-12-31T23:59:59Z"}, NoticeExpired, "2026-01"),
        ({"expires_at": "2026-03-01T12:00:00Z"}, InvalidMessage, "ends after it was given"),
        ({"at": "2026-03-01T12:00:00"}, InvalidMessage, r"timezone.*\$\.at"),
        ({"source": "phone"}, InvalidMessage, r"\$\.source"),
        ({"user_id": "ada"}, InvalidMessage, r"UUID.*\$\.user_id"),
    ],
)
def test_nonsense_is_refused_by_the_command_itself(
    change: dict[str, str], error: type[InvalidMessage], words: str
) -> None:
    sound = {
        "user_id": str(uuid4()),
        "purpose": "Personalisation",
        "notice": "2026-01",
        "at": "2026-03-01T12:00:00Z",
        "expires_at": "2027-03-01T12:00:00Z",
    }
    with pytest.raises(InvalidMessage, match=words) as refused:
        decode_command(GrantConsent, {**sound, **change})
    assert type(refused.value) is error


# --- purposes and notices ----------------------------------------------------------------------------------------


def test_consents_end_and_everything_else_does_not() -> None:
    assert [purpose.term for purpose in BY_CONSENT] == [
        "DirectMarketing",
        "Personalisation",
    ]
    assert consent_expiry("Personalisation", NOON) == NEXT_YEAR
    assert {term for term in PURPOSES if consent_expiry(term, NOON) is None} == PURPOSES.keys() - {
        p.term for p in CONSENTABLE
    }


def test_a_purpose_that_the_shop_gave_up_is_not_asked_for_and_can_be_taken_back() -> None:
    given_up = replace(granted, purpose="PersonalisedAdvertising")
    given(User, created).when(replace(grant, purpose="PersonalisedAdvertising")).then_refused(ConsentNotAsked)
    take_back = replace(withdraw, purpose="PersonalisedAdvertising")
    given(User, created, given_up).when(take_back).then(ConsentWithdrawn(ADA, "PersonalisedAdvertising", "page"))
    assert {purpose.term for purpose in CONSENTABLE} - {purpose.term for purpose in BY_CONSENT} == {
        "ServiceUsageAnalytics",
        "PersonalisedAdvertising",
    }


def test_an_offer_rests_on_the_consent_to_marketing_and_on_no_other() -> None:
    with pytest.raises(InvalidMessage, match="rests on the consent"):
        replace(suggest, offer="10 % off lanterns")
    used = replace(suggest, data=("purchases",), suggestion="MUG")
    recorded = replace(suggested, data=("purchases",), suggestion="MUG")
    given(User, created, granted).when(used).then(recorded)


def test_at_every_moment_exactly_one_notice_is_shown() -> None:
    ordered = sorted(NOTICES.values(), key=lambda notice: notice.since)
    assert [notice.until for notice in ordered] == [*(notice.since for notice in ordered[1:]), None]
    assert current_notice(NOON).version == "2026-01"
    assert current_notice(NOON - timedelta(days=100)).version == "2025-05"


def test_the_released_wordings_have_not_changed() -> None:
    """People consented to these very words: a new wording is a new version."""
    assert {notice.version: notice.digest for notice in NOTICES.values()} == {
        "2025-05": "1004adcab0ff9d9570a7e820123d836ccbbdcaa02433455130b706601178006b",
        "2026-01": "a53fd9bc8db51796b3267b6afe5424bb7e847b943e85888cc95ade8c97e30a57",
    }
