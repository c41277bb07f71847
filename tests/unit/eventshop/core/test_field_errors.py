"""All invalid fields of a body are found at once, each with its place; and texts arrive clean."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any

import msgspec
import pytest
from msgspec import Struct

from eventshop.core.errors import InvalidMessage
from eventshop.core.field_errors import MAX_ERRORS, FieldError, InvalidFields, convert_input
from eventshop.core.messages import MultilineText, Name, NonEmptyText, VerbatimText
from eventshop.core.money import Money


class Item(Struct, frozen=True, forbid_unknown_fields=True):
    sku: NonEmptyText
    price: Money
    note: VerbatimText = ""


class Ring(Struct, frozen=True, tag="ring", tag_field="kind", forbid_unknown_fields=True):
    size: Decimal


class Chain(Struct, frozen=True, tag="chain", tag_field="kind", forbid_unknown_fields=True):
    length: Decimal | None


class Parcel(Struct, frozen=True, forbid_unknown_fields=True):
    name: Name
    items: Annotated[tuple[Item, ...], msgspec.Meta(min_length=1, max_length=2)]
    address: Annotated[MultilineText, msgspec.Meta(min_length=1)] = "-"
    extra: Ring | Chain | None = None

    def __post_init__(self) -> None:
        if len({item.sku for item in self.items}) < len(self.items):
            raise InvalidMessage("each item only once")


ITEM: dict[str, Any] = {"sku": "A", "price": {"amount": "1.50", "currency": "GBP"}}
PARCEL: dict[str, Any] = {"name": "Ada", "items": [ITEM]}


def pointers(raw: Any) -> list[str]:
    with pytest.raises(InvalidFields) as refused:
        convert_input(raw, Parcel)
    assert all(error.detail for error in refused.value.field_errors)
    return [error.pointer for error in refused.value.field_errors]


def test_texts_arrive_clean_and_verbatim_ones_untouched() -> None:
    raw = {"name": " Zoe\u0308 ", "items": [ITEM | {"sku": "A ", "note": " a "}], "address": "1 Street\nYork "}
    price = Money(Decimal("1.50"), "GBP")
    assert convert_input(raw, Parcel) == Parcel("Zo\u00eb", (Item("A", price, " a "),), "1 Street\nYork")


def test_every_invalid_field_is_named_nested_ones_too() -> None:
    bad_price = {"amount": "1_0", "currency": "pounds"}
    raw = {"name": "\u200b", "items": [ITEM | {"sku": 7}, {"sku": "\u202e", "price": bad_price}], "address": " "}
    places = ["/name", "/items/0/sku", "/items/1/sku", "/items/1/price/amount", "/address"]
    assert pointers(raw) == places
    assert pointers(PARCEL | {"items": [ITEM | {"price": {"amount": "1", "currency": "pounds"}}]}) == ["/items/0/price"]


def test_missing_and_unknown_fields_are_named_at_their_object() -> None:
    with pytest.raises(InvalidFields, match=r"`name` - at `\$`.*`colour` - at `\$\.items\[0\]`.*`size` - at `\$`"):
        convert_input({"items": [ITEM | {"colour": "red"}], "size": 1}, Parcel)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (PARCEL | {"items": []}, ["/items"]),
        (PARCEL | {"items": [ITEM] * 3}, ["/items"]),
        (PARCEL | {"items": {}}, ["/items"]),
        (PARCEL | {"items": [ITEM, 5]}, ["/items/1"]),
        (PARCEL | {"items": [ITEM, ITEM]}, [""]),  # the type's own rule
        (PARCEL | {"extra": {"kind": "ring", "size": "1E5"}}, ["/extra/size"]),
        (PARCEL | {"extra": {"kind": "chain", "length": 0.5}}, ["/extra/length"]),
        (PARCEL | {"extra": {"kind": "tiara"}}, ["/extra"]),
        (PARCEL | {"extra": {"kind": ["ring"]}}, ["/extra"]),
        (PARCEL | {"extra": 7}, ["/extra"]),
        ([], [""]),
        (None, [""]),
        (0.5, [""]),
    ],
)
def test_each_kind_of_type_has_its_place(raw: Any, expected: list[str]) -> None:
    assert pointers(raw) == expected


def test_a_valid_choice_is_converted() -> None:
    assert convert_input(PARCEL | {"extra": {"kind": "chain", "length": None}}, Parcel).extra == Chain(None)
    assert convert_input(PARCEL | {"extra": {"kind": "ring", "size": 5}}, Parcel).extra == Ring(Decimal(5))


def test_the_number_of_errors_is_bounded() -> None:
    assert len(pointers({f"field{number}": 1 for number in range(1_000)})) == MAX_ERRORS


def test_a_pointer_escapes_what_json_pointers_escape() -> None:
    assert FieldError(("a/b", 0, "c~d"), "").pointer == "/a~1b/0/c~0d"
