"""Events of earlier shapes come out as today's: split, renamed, merged, some steps in a row, and never another way."""

from __future__ import annotations

import json
from typing import Annotated, TypeAlias
from uuid import UUID

import pytest

from eventshop.core.aggregate import Aggregate
from eventshop.core.errors import BrokenStream, DuplicateName, ProgramTooOld
from eventshop.core.message_registry import MessageRegistry
from eventshop.core.messages import Command, Event, Text
from eventshop.core.personal_fields import Personal, Redacted
from eventshop.core.upcasting import Fields, Upcasters
from eventshop.eventstore.field_encryption import FieldContext, read_event
from tests.support.raised import with_data

ID = UUID(int=7)
CONTACT = Personal(of="guest_id", purpose="contact")


class Book(Command, frozen=True):
    guest_id: UUID


class RoomBooked(Event, frozen=True):
    """Four shapes: `stay` as one text, then first and last day, then nights as well, then under this name."""

    schema_version = 2

    guest_id: UUID
    first: Text
    last: Text
    nights: int
    note: Text = ""


class GuestNamed(Event, frozen=True):
    schema_version = 2

    guest_id: UUID
    name: Annotated[Text | Redacted, CONTACT]


BookingEvent: TypeAlias = RoomBooked | GuestNamed


class Booking(Aggregate[Book, BookingEvent], frozen=True):
    """A stay in a house."""


bookings = Upcasters()


@bookings.upcast("Booked", 1)
def split_stay(fields: Fields) -> Fields:
    first, last = fields["stay"].split("/")
    return {"guest_id": fields["guest_id"], "first": first, "last": last}


@bookings.upcast("Booked", 2)
def counted(fields: Fields) -> Fields:
    return fields | {"nights": int(fields["last"][-2:]) - int(fields["first"][-2:])}


@bookings.upcast("Booked", 3, to=("RoomBooked", 1))
def renamed(fields: Fields) -> Fields:
    return fields


@bookings.upcast("GuestNamed", 1, personal={"given": CONTACT, "family": CONTACT})
def merged(fields: Fields) -> Fields:
    return {"guest_id": fields["guest_id"], "name": f"{fields['given']} {fields['family']}"}


def registry() -> MessageRegistry:
    made = MessageRegistry()
    made.add(Booking, bookings)
    return made


def read(event_type: str, schema_version: int, **fields: object) -> Event:
    payload = json.dumps({"guest_id": str(ID), **fields})
    return read_event(registry(), payload, FieldContext(ID, 1, event_type, schema_version))


BOOKED = RoomBooked(ID, "2026-05-01", "2026-05-04", 3)


@pytest.mark.parametrize(
    ("event_type", "schema_version", "fields"),
    [
        ("Booked", 1, {"stay": "2026-05-01/2026-05-04"}),
        ("Booked", 2, {"first": "2026-05-01", "last": "2026-05-04"}),
        ("Booked", 3, {"first": "2026-05-01", "last": "2026-05-04", "nights": 3}),
        ("RoomBooked", 1, {"first": "2026-05-01", "last": "2026-05-04", "nights": 3}),
        ("RoomBooked", 2, {"first": "2026-05-01", "last": "2026-05-04", "nights": 3, "note": ""}),
    ],
)
def test_every_earlier_shape_is_read_as_todays(event_type: str, schema_version: int, fields: Fields) -> None:
    assert read(event_type, schema_version, **fields) == BOOKED


def test_an_event_has_one_name_however_it_was_stored() -> None:
    made = registry()
    assert made.stored_names(RoomBooked) == ["RoomBooked", "Booked"]
    assert made.reader_for("Booked", 1).event_type == "RoomBooked"
    assert made.can_read("Booked", 1)
    assert not made.can_read("Unbooked", 1)


def test_fields_that_were_personal_then_are_the_sealed_ones_of_that_version() -> None:
    made = registry()
    assert [field.name for field in made.reader_for("GuestNamed", 1).personal_fields] == ["given", "family"]
    assert [field.name for field in made.reader_for("GuestNamed", 2).personal_fields] == ["name"]


def test_an_event_of_a_later_program_is_refused_as_such() -> None:
    with pytest.raises(ProgramTooOld, check=with_data(event_type="RoomBooked", schema_version=3)):
        read("RoomBooked", 3, first="", last="", nights=1)


@pytest.mark.parametrize(
    ("fields", "why"), [({}, "KeyError: 'stay'"), ({"stay": 7}, "AttributeError"), ({"stay": "a/b/c"}, "ValueError")]
)
def test_what_an_upcaster_cannot_read_is_a_broken_event(fields: Fields, why: str) -> None:
    with pytest.raises(BrokenStream, match=f"RoomBooked: {why}"):
        read("Booked", 1, **fields)


def test_what_comes_out_is_checked_like_any_event() -> None:
    with pytest.raises(BrokenStream, match="Expected `str`"):
        read("Booked", 2, first="2026-05-01", last="2026-05-04", note=7)
    with pytest.raises(BrokenStream, match="unknown field"):
        read("Booked", 2, first="2026-05-01", last="2026-05-04", more=7)


def test_a_name_that_never_was_is_unknown() -> None:
    with pytest.raises(ProgramTooOld, match="RoomUnbooked"):
        read("RoomUnbooked", 1)
    with pytest.raises(ProgramTooOld, match="Booked"):
        read("Booked", 4)


def test_there_is_one_way_on_from_a_shape() -> None:
    with pytest.raises(DuplicateName, match="split_stay"):
        bookings.upcast("Booked", 1)(merged)
