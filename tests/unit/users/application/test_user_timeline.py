"""The timeline says of every event, in words of its own, what a person must learn from it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, get_args
from uuid import UUID

import pytest

from eventshop.datetimes import format_date
from users.application.user_timeline import SOURCES, describe_event, flatten_values, humanise_name, purpose_label
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
from users.domain.purposes import PURPOSES

ADA = UUID("00000000-0000-4000-8000-0000000000ad")
DUE = datetime(2026, 3, 15, 12, tzinfo=UTC)
TERM = next(iter(PURPOSES))
LABEL = PURPOSES[TERM].label
CONTACT = ("ada@example.org", "Ada", "", "")
#: Each event, and the parts of its sentence that depend on it.
EVENTS: list[tuple[UserEvent, list[str]]] = [
    (UserCreated(ADA, *CONTACT, "page"), [SOURCES["page"]]),
    (ContactDetailsChanged(ADA, *CONTACT, "api"), [SOURCES["api"]]),
    (PreferencesChanged(ADA, "de", "Europe/Berlin", "page"), [SOURCES["page"]]),
    (DeliveryAddressSaved(ADA, ADA, "Ada", "1 St", False, "page"), [SOURCES["page"]]),
    (DeliveryAddressRemoved(ADA, ADA, "api"), [SOURCES["api"]]),
    (ConsentGranted(ADA, TERM, "1", "f" * 64, "A6-1-a", "staff", DUE), [LABEL, SOURCES["staff"]]),
    (ConsentWithdrawn(ADA, TERM, "import"), [LABEL, SOURCES["import"]]),
    (ConsentExpired(ADA, TERM), [LABEL]),
    (ProcessingRecorded(ADA, TERM, "A6-1-b", "A-LETTER", "THE-POST"), ["A-LETTER", LABEL, "THE-POST"]),
    (ProcessingRestricted(ADA, "WRONG", "page"), [SOURCES["page"]]),
    (ProcessingResumed(ADA, "page"), [SOURCES["page"]]),
    (DataAccessed(ADA, ("phone", "address"), "A-CLAIM", "bob"), ["phone", "address", "A-CLAIM"]),
    (DataExported(ADA, "json"), []),
    (LegalHoldPlaced(ADA, "CASE-7", "A-LAWSUIT"), ["CASE-7", "A-LAWSUIT"]),
    (LegalHoldReleased(ADA, "CASE-7"), ["CASE-7"]),
    (ErasureRequested(ADA, DUE, "page"), [format_date(DUE)]),
    (ErasureCancelled(ADA, "page"), []),
    (ErasureBegun(ADA), []),
    (CategoriesErased(ADA, ("notes",), "staff"), ["notes", SOURCES["staff"]]),
    (DataErased(ADA, (), (), ()), []),
]


@pytest.mark.parametrize(("event", "parts"), EVENTS, ids=[type(event).__name__ for event, _ in EVENTS])
def test_a_sentence_names_what_the_event_is_about(event: UserEvent, parts: list[str]) -> None:
    sentence = describe_event(event)
    assert [part for part in parts if part not in sentence] == []


def test_no_two_kinds_of_event_are_told_alike() -> None:
    assert {type(event) for event, _ in EVENTS} == set(get_args(UserEvent))
    assert len({describe_event(event) for event, _ in EVENTS}) == len(EVENTS)


def test_a_reason_that_may_be_erased_is_not_told() -> None:
    assert "WRONG" not in describe_event(ProcessingRestricted(ADA, "WRONG", "page"))


def test_nobody_is_said_to_have_received_what_nobody_received() -> None:
    told, untold = (ProcessingRecorded(ADA, TERM, "b", "a", recipient) for recipient in ("THE-POST", ""))
    assert len(describe_event(untold)) < len(describe_event(told)) - len("THE-POST")


def test_a_purpose_that_is_no_longer_in_use_keeps_its_term() -> None:
    assert (purpose_label(TERM), purpose_label("dpv:Gone")) == (LABEL, "dpv:Gone")


def test_names_of_classes_become_words() -> None:
    assert [humanise_name(name) for name in ("OrderCreated", "Order")] == ["Order created", "Order"]


@pytest.mark.parametrize(
    ("value", "pairs"),
    [
        ({"lines": [{"sku": "MUG", "unit_price": 0}]}, [("lines 1 sku", "MUG"), ("lines 1 unit price", "0")]),
        ({"tags": ("a", "b"), "note": None, "text": ""}, [("tags 1", "a"), ("tags 2", "b")]),
        (7, [("", "7")]),
    ],
)
def test_nested_values_become_pairs_and_empty_ones_are_left_out(value: Any, pairs: list[tuple[str, str]]) -> None:
    assert list(flatten_values(value)) == pairs
