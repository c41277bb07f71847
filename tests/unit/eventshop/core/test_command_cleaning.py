"""A command built anywhere is cleaned by the marks of its fields; the error names the field."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any

import pytest
from msgspec import Struct

from eventshop.core.command_cleaning import clean
from eventshop.core.errors import InvalidMessage
from eventshop.core.messages import Command, Name, NonEmptyText, Text, VerbatimText
from eventshop.core.personal_fields import Personal


class Row(Struct, frozen=True):
    sku: NonEmptyText
    description: VerbatimText = ""
    price: Decimal = Decimal(0)


class Ship(Command, frozen=True):
    name: Annotated[Name, Personal(of="name", purpose="delivery")]
    rows: tuple[Row, ...] = ()
    note: Text | None = None
    tags: tuple[NonEmptyText, ...] = ()
    count: int = 0


def test_what_is_clean_stays_the_same_object() -> None:
    ship = Ship("Ada", (Row("A", " a "),), None, ("x",))
    assert clean(ship) is ship


def test_texts_are_cleaned_at_any_depth() -> None:
    ship = Ship(" Ada", (Row("A "), Row("B")), " note ", ("x ", "y"))
    assert clean(ship) == Ship("Ada", (Row("A"), Row("B")), "note", ("x", "y"))


@pytest.mark.parametrize(
    ("ship", "words"),
    [
        (Ship("\u200b"), r"^name must not contain U\+200B"),
        (Ship("Ada", (Row("A"), Row("\u3164"))), r"^rows\[1\]\.sku must not contain U\+3164"),
        (Ship("Ada", (Row("A", price=Decimal("1E-999999999")),)), r"^rows\[0\]\.price must have at most"),
        (Ship("Ada", note="\u202e"), r"^note must not contain U\+202E"),
        (Ship("Ada", tags=("x", " ")), r"^tags\[1\] must contain at least one visible"),
    ],
)
def test_the_error_names_the_field(ship: Ship, words: str) -> None:
    with pytest.raises(InvalidMessage, match=words):
        clean(ship)


def test_values_of_other_types_are_left_to_the_codec() -> None:
    wrong: Any = 5
    ship = Ship(wrong, wrong, wrong, wrong, wrong)
    assert clean(ship) is ship
