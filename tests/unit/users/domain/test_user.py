"""The User aggregate: signing up, contact details, access to masked data, and erasure."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from msgspec.structs import replace

from eventshop.core.errors import InvalidMessage
from eventshop.core.messages import Command
from eventshop.core.serialization import decode_command
from eventshop.testing.given_when_then import given
from tests.support.raised import with_data
from tests.unit.users.domain.examples import (
    ADA,
    DUE,
    address_removed,
    address_saved,
    begin,
    begun,
    cancel,
    cancelled,
    change,
    changed,
    create,
    created,
    deliver,
    erase,
    erased,
    expire,
    grant,
    granted,
    held,
    prefer,
    preferred,
    remove_address,
    request,
    requested,
    restrict,
    save_address,
    withdraw,
    withdrawn,
)
from users.domain.commands import (
    ChangePreferences,
    CreateUser,
    ExportData,
    LiftRestriction,
    PlaceLegalHold,
    RecordAccess,
    ReleaseLegalHold,
    RequestErasure,
)
from users.domain.errors import (
    AlreadyErased,
    ErasureNotRequested,
    InvalidUserState,
    NoSuchHold,
    OnLegalHold,
    StillCoolingOff,
    TooManyAddresses,
)
from users.domain.events import DataAccessed, DataExported, LegalHoldReleased
from users.domain.user import MAX_ADDRESSES, User

look = RecordAccess(ADA, fields=("phone",), reason="parcel came back", staff="grace")
hold = PlaceLegalHold(ADA, hold="case 7", reason="a claim in court")
release = ReleaseLegalHold(ADA, hold="case 7")
EVERYTHING: list[Command] = [
    create,
    change,
    grant,
    withdraw,
    expire,
    deliver,
    restrict,
    LiftRestriction(ADA),
    look,
    ExportData(ADA),
    hold,
    release,
    request,
    cancel,
    begin,
    erase,
]


def name(command: Any) -> str:
    return type(command).__name__


def test_a_person_signs_up_once() -> None:
    given(User).when(create).then(created)
    given(User, created).when(create).then_refused(InvalidUserState, "ACTIVE")


def test_details_are_put_right() -> None:
    given(User, created).when(change).then(changed)


def test_looking_at_masked_data_and_taking_a_copy_leave_a_trace() -> None:
    given(User, created).when(look).then(DataAccessed(ADA, ("phone",), "parcel came back", "grace"))
    given(User, created).when(ExportData(ADA)).then(DataExported(ADA, "json"))


@pytest.mark.parametrize("command", EVERYTHING[1:], ids=name)
def test_nothing_can_be_done_to_somebody_who_never_signed_up(command: Any) -> None:
    given(User).when(command).then_refused(InvalidUserState, "UNKNOWN")


# --- erasure -----------------------------------------------------------------------------------------------------


def test_erasure_is_asked_for_waited_for_and_done() -> None:
    given(User, created, granted).when(request).then(requested)
    given(User, created, granted, requested).when(begin).then(begun)
    given(User, created, granted, requested, begun).when(erase).then(erased)


def test_asking_again_changes_nothing_not_even_the_day() -> None:
    later = replace(request, due_at=DUE + timedelta(days=9))
    given(User, created, requested).when(later).then_nothing()


def test_a_person_can_change_their_mind_until_it_begins() -> None:
    given(User, created, requested).when(cancel).then(cancelled)
    given(User, created, requested, cancelled).when(begin).then_refused(ErasureNotRequested)
    given(User, created, requested, cancelled).when(request).then(requested)
    given(User, created, requested, cancelled).when(cancel).then_nothing()
    given(User, created).when(cancel).then_nothing()
    given(User, created).when(begin).then_refused(ErasureNotRequested)


def test_erasing_does_not_begin_before_its_day() -> None:
    given(User, created, requested).when(replace(begin, at=DUE - timedelta(seconds=1))).then_refused(StillCoolingOff)


def test_consent_can_be_taken_back_while_leaving() -> None:
    given(User, created, granted, requested).when(withdraw).then(withdrawn)


def test_a_legal_hold_keeps_the_data_until_it_is_released() -> None:
    given(User, created).when(hold).then(held)
    given(User, created, held).when(hold).then_nothing()
    given(User, created, held).when(request).then_refused(OnLegalHold, "1")
    given(User, created, requested, held).when(begin).then_refused(OnLegalHold, "1")
    released = LegalHoldReleased(ADA, "case 7")
    given(User, created, requested, held).when(release).then(released)
    given(User, created, requested, held, released).when(begin).then(begun)
    given(User, created, held, released).when(release).then_nothing()
    given(User, created).when(release).then_refused(NoSuchHold, "case 7")


@pytest.mark.parametrize(
    "command", [command for command in EVERYTHING[:-1] if command not in (request, begin)], ids=name
)
def test_nothing_else_happens_once_erasing_has_begun(command: Any) -> None:
    given(User, created, requested, begun).when(command).then_refused(InvalidUserState, "ERASING")


def test_an_erasure_that_has_begun_is_asked_for_and_begun_already() -> None:
    given(User, created, requested, begun).when(request).then_nothing()
    given(User, created, requested, begun).when(begin).then_nothing()


def test_nothing_is_erased_that_was_not_asked_for() -> None:
    given(User, created).when(erase).then_refused(InvalidUserState, "ACTIVE")
    given(User, created, requested).when(erase).then_refused(InvalidUserState, "LEAVING")


@pytest.mark.parametrize("command", EVERYTHING, ids=name)
def test_nothing_can_be_done_with_an_erased_person(command: Any) -> None:
    given(User, created, requested, begun, erased).when(command).then_refused(AlreadyErased)


# --- bad input ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"email": "ada"}, r"\$\.email"),
        ({"email": "ada@example.org\n"}, r"\$\.email"),
        ({"email": "a" * 200 + "@example.org"}, r"\$\.email"),
        ({"name": ""}, r"\$\.name"),
        ({"phone": "1\x00"}, r"\$\.phone"),
        ({"address": "x" * 1001}, r"\$\.address"),
        ({"address": "12\tStreet"}, r"\$\.address"),
        ({"password": "secret"}, "password"),
    ],
)
def test_details_nobody_can_have_are_refused_by_name(change: dict[str, str], words: str) -> None:
    sound = {"user_id": str(ADA), "email": "ada@example.org", "name": "Ada", "address": "12 Street\nLondon"}
    assert decode_command(CreateUser, sound)
    with pytest.raises(InvalidMessage, match=words):
        decode_command(CreateUser, {**sound, **change})


def test_erasure_is_not_due_before_it_is_asked_for() -> None:
    before = DUE - timedelta(seconds=1)
    with pytest.raises(InvalidMessage, check=with_data(at=DUE, due_at=before)):
        RequestErasure(ADA, at=DUE, due_at=before)


def test_an_access_names_what_was_looked_at() -> None:
    with pytest.raises(InvalidMessage):
        RecordAccess(ADA, fields=(), reason="curious", staff="grace")


def test_a_person_chooses_language_and_time_zone() -> None:
    given(User, created).when(prefer).then(preferred)


@pytest.mark.parametrize(("language", "zone"), [("xx", "Europe/Berlin"), ("de", "Europe/Nowhere"), ("de", "")])
def test_an_unknown_language_or_time_zone_is_refused(language: str, zone: str) -> None:
    with pytest.raises(InvalidMessage):
        ChangePreferences(ADA, language, zone)


def test_an_address_is_saved_changed_and_removed_once() -> None:
    given(User, created).when(save_address).then(address_saved)
    given(User, created, address_saved).when(remove_address).then(address_removed)
    given(User, created, address_saved, address_removed).when(remove_address).then()
    with pytest.raises(InvalidMessage):
        replace(save_address, address=" \n ")


def test_an_address_book_has_a_limit_but_what_is_in_it_can_be_changed() -> None:
    full = [replace(address_saved, address_id=uuid4()) for _ in range(MAX_ADDRESSES - 1)]
    given(User, created, address_saved, *full).when(save_address).then(address_saved)
    given(User, created, *full, replace(address_saved, address_id=uuid4())).when(save_address).then_refused(
        TooManyAddresses
    )
