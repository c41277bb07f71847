"""Personal data is marked on the message type; an invalid mark is refused when the type is registered."""

from __future__ import annotations

from types import new_class
from typing import Annotated, Any
from uuid import UUID

import pytest
from msgspec import Struct

from eventshop.core.aggregate import Aggregate
from eventshop.core.errors import RegistryError
from eventshop.core.message_registry import MessageRegistry
from eventshop.core.messages import Command, Event, NonEmptyText
from eventshop.core.personal_fields import Personal, PersonalField, Redacted, personal_fields


class Introduce(Command, frozen=True):
    guest: UUID
    name: Annotated[NonEmptyText, Personal(of="guest", purpose="contact")]


class Introduced(Event, frozen=True):
    guest: UUID
    table: int
    name: Annotated[NonEmptyText | Redacted, Personal(of="guest", purpose="contact", since=2, unique="name")]


class Nobodys(Event, frozen=True):
    name: Annotated[NonEmptyText | Redacted, Personal(of="guest", purpose="contact")]


class Card(Struct, frozen=True):
    name: Annotated[NonEmptyText | Redacted, Personal(of="name", purpose="contact")]


class Hidden(Event, frozen=True):
    guest: UUID
    cards: tuple[Card, ...]


def test_the_registry_knows_whose_each_field_is_and_what_for() -> None:
    registry = MessageRegistry()
    registry.add(new_class("Party", (Aggregate[Introduce, Introduced],), {"frozen": True}))
    assert registry.personal_fields_of(Introduced) == (PersonalField("name", "guest", "contact", 2, "name"),)
    assert registry.personal_fields_of(Introduce) == (PersonalField("name", "guest", "contact", 1, ""),)
    assert registry.personal_fields_of(Card) == ()


@pytest.mark.parametrize(
    ("event", "words"), [(Nobodys, "Nobodys.name: its mark names a field 'guest'"), (Hidden, "Card has marked fields")]
)
def test_a_mark_that_nobody_could_keep_is_refused(event: Any, words: str) -> None:
    with pytest.raises(RegistryError, match=words):
        personal_fields(event)
