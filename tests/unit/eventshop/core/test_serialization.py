"""What cannot be read back is never written, and what is read is exactly what its name says."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from msgspec.structs import replace

from eventshop.core.errors import BrokenStream, CurrencyMismatch, InvalidMessage, InvalidMoney
from eventshop.core.messages import Command, Event, Instant, NonEmptyText, Text
from eventshop.core.money import Money
from eventshop.core.serialization import decode_command, decode_event, encode_canonical

ID = UUID("00000000-0000-4000-8000-000000000001")
NOON = datetime(2010, 12, 1, 12, tzinfo=UTC)


class Weigh(Command, frozen=True):
    scale: UUID
    price: Money
    at: Instant
    name: NonEmptyText
    note: Text = ""

    def __post_init__(self) -> None:
        if self.price.currency == "EUR":
            raise CurrencyMismatch(left="GBP", right="EUR")


class Weighed(Event, frozen=True):
    scale: UUID
    grams: Decimal
    at: Instant
    note: str = ""


weigh = Weigh(scale=ID, price=Money(Decimal("1.50"), "GBP"), at=NOON, name="apples")
weighed = Weighed(scale=ID, grams=Decimal("1.50"), at=NOON)
WEIGH: dict[str, Any] = {
    "scale": str(ID),
    "price": {"amount": "1.50", "currency": "GBP"},
    "at": "2010-12-01T12:00:00Z",
    "name": "apples",
}


def test_a_message_is_written_as_compact_json_in_the_order_of_its_fields() -> None:
    written, read_back = encode_canonical(weigh)
    assert written == (
        b'{"scale":"00000000-0000-4000-8000-000000000001","price":{"amount":"1.50","currency":"GBP"},'
        b'"at":"2010-12-01T12:00:00Z","name":"apples","note":""}'
    )
    assert read_back == weigh


def test_a_command_is_read_from_text_and_from_a_mapping() -> None:
    assert decode_command(Weigh, WEIGH) == decode_command(Weigh, encode_canonical(weigh)[0]) == weigh


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("price", {"amount": 1.1, "currency": "GBP"}, r'"1\.1", not as a JSON number.*\$\.price\.amount'),
        ("price", {"amount": "abc", "currency": "GBP"}, r"\$\.price\.amount"),
        ("price", {"amount": "1.50", "currency": "GBP", "cents": 1}, r"unknown field `cents`.*\$\.price"),
        ("price", {"amount": "1.50"}, "missing required field `currency`"),
        ("at", "2010-12-01T12:00:00", r"timezone component.*\$\.at"),
        ("at", "yesterday", r"\$\.at"),
        ("scale", "not-a-uuid", r"Invalid UUID.*\$\.scale"),
        ("scale", 7, r"Expected `uuid`.*\$\.scale"),
        ("name", "", r"\$\.name"),
        ("name", "a" * 201, r"length <= 200.*\$\.name"),
        ("name", "a\nb", r"regex.*\$\.name"),
        ("name", "a\n", r"regex.*\$\.name"),
        ("note", "a\x00b", r"regex.*\$\.note"),
        ("note", "a\x7fb", r"regex.*\$\.note"),
        ("note", None, r"Expected `str`, got `null`.*\$\.note"),
        ("colour", "red", "unknown field `colour`"),
    ],
)
def test_a_field_that_is_not_what_it_should_be_is_named(field: str, value: Any, words: str) -> None:
    with pytest.raises(InvalidMessage, match=words):
        decode_command(Weigh, WEIGH | {field: value})


@pytest.mark.parametrize("amount", ["NaN", "sNaN", "Infinity", "-Infinity", "1E+30", "1.123456789"])
def test_an_amount_that_is_no_money_keeps_its_own_error(amount: str) -> None:
    with pytest.raises(InvalidMoney) as refused:
        decode_command(Weigh, WEIGH | {"price": {"amount": amount, "currency": "GBP"}})
    assert refused.value.data["message"] == "Weigh"


def test_a_rule_of_the_command_keeps_its_own_error() -> None:
    with pytest.raises(CurrencyMismatch, match=r"GBP.*EUR"):
        decode_command(Weigh, WEIGH | {"price": {"amount": "1", "currency": "EUR"}})


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"null", b'{"scale": NaN}', b"\xff", "{'scale': 1}"])
def test_what_is_no_command_is_refused(text: bytes | str) -> None:
    with pytest.raises(InvalidMessage):
        decode_command(Weigh, text)


def test_all_invalid_fields_are_named_at_once() -> None:
    wrong = {"price": {"amount": "1_0", "currency": "GBP", "cents": 1}, "name": "\u200b", "colour": "red"}
    fields = r"\$\.price\.amount.*`cents` - at `\$\.price`.*\$\.name.*`colour` - at `\$`"
    with pytest.raises(InvalidMessage, match=fields):
        decode_command(Weigh, WEIGH | wrong)


def test_a_command_built_in_python_is_held_to_its_types() -> None:
    naive: Any = datetime(2010, 12, 1)
    wrong: list[dict[str, Any]] = [{"at": naive}, {"name": ""}, {"note": "a\tb"}, {"note": "x" * 201}, {"scale": "7"}]
    for fields in wrong:
        with pytest.raises(InvalidMessage, match="Weigh"):
            encode_canonical(replace(weigh, **fields))


@pytest.mark.parametrize(
    "fields",
    [
        {"grams": 1.5},
        {"grams": 2},
        {"scale": str(UUID(int=0xABC)).upper()},
        {"note": "\ud800"},
        {"note": 7},
        {"at": NOON.date()},
    ],
)
def test_an_event_built_with_another_type_is_not_written(fields: dict[str, Any]) -> None:
    with pytest.raises(InvalidMessage, match="Weighed"):
        encode_canonical(replace(weighed, **fields))


def test_a_stored_event_comes_back_as_it_was() -> None:
    read_back = decode_event(Weighed, encode_canonical(weighed)[0])
    assert isinstance(read_back, Weighed)
    assert (read_back, str(read_back.grams)) == (weighed, "1.50")


@pytest.mark.parametrize("stored", ["", "{", "{}", '{"scale":"7"}', b"\xff"])
def test_stored_bytes_that_are_not_their_event_are_a_broken_stream(stored: bytes | str) -> None:
    with pytest.raises(BrokenStream, match="Weighed"):
        decode_event(Weighed, stored)
