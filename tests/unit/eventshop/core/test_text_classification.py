"""Every text of every command and event is classified: drawn from a list, encrypted, or said not to be personal."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

import msgspec
import pytest
from msgspec import Struct

from eventshop.core.message_registry import registry
from eventshop.core.messages import Event, MultilineText, NonEmptyText, Text
from eventshop.core.personal_fields import NotPersonal, Personal, Redacted, personal_fields
from eventshop.core.text_classification import clear_texts, unclassified_texts

MESSAGES = {message.__name__: message for message in (*registry.commands.values(), *registry.events.values())}
NOTE = Personal(of="order_id", purpose="notes", free_text=True)


@pytest.mark.parametrize("name", sorted(MESSAGES))
def test_every_text_of_a_message_is_classified(name: str) -> None:
    assert unclassified_texts(MESSAGES[name]) == []


class _Part(Struct, frozen=True):
    label: Text
    code: Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{3}\Z")]


class _Told(Event, frozen=True):
    order_id: UUID
    note: Annotated[NonEmptyText | Redacted, NOTE]
    kind: Literal["one", "two"]
    number: Annotated[NonEmptyText, NotPersonal("a number")]
    comment: MultilineText
    parts: tuple[_Part, ...]
    tags: Annotated[tuple[str, ...], NotPersonal("words of a list")] = ()
    other: str | None = None


def test_a_text_of_which_nothing_is_said_is_named_with_what_to_do() -> None:
    found = unclassified_texts(_Told)
    assert [text.split(":")[0] for text in found] == ["_Told.comment", "_Told.parts.label", "_Told.other"]
    for word in ("Literal", "NotPersonal", "Personal(of=", "free_text"):
        assert all(word in text for text in found)


def test_the_texts_in_clear_have_their_reasons() -> None:
    assert clear_texts(_Told) == {"number": "a number", "tags": "words of a list"}


def test_a_mark_without_a_person_stands_for_the_aggregate() -> None:
    class Lost(Event, frozen=True):
        sku: Annotated[NonEmptyText, NotPersonal("a code")]
        reason: Annotated[NonEmptyText | Redacted, Personal(of="", purpose="notes", free_text=True)]

    assert [(field.name, field.of, field.free_text) for field in personal_fields(Lost)] == [("reason", "", True)]
